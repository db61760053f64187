import { Command } from "commander";
import { findCondition } from "../api/conditions.ts";
import type { Kinds } from "../api/kinds.generated.ts";
import {
  BACKUP_POLICY,
  BACKUP_STORAGE_LOCATION,
  GIT_SOURCE,
  type KindName,
  type KindResource,
  RESTORE_PLAN,
} from "../api/kinds.ts";
import { yamlText } from "../api/yaml-text.ts";
import { isCoded } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { type StatusReport, statusReport } from "../report/status-report.ts";
import { statusMarkdown, statusText } from "../report/status-text.ts";
import { notInstalled } from "./deps.ts";
import { type CliIo, outputOf } from "./io.ts";

const EXAMPLES = `
Examples:
  holdfast status                  sources, locations, policies, what is stale, what is being restored
  holdfast status --output json    the same for programs
`;

/** Builds `status`: one screen of how everything stands. Reads only. */
export function statusCommand(io: CliIo): Command {
  return new Command("status")
    .description("how everything stands: sources, locations, policies, what is stale, restores")
    .addHelpText("after", EXAMPLES)
    .action(async () => {
      const kube = await io.deps().kube();
      const report = statusReport({
        sources: await list(kube, GIT_SOURCE),
        locations: await list(kube, BACKUP_STORAGE_LOCATION),
        policies: await list(kube, BACKUP_POLICY),
        restores: await list(kube, RESTORE_PLAN),
        readyOf: (object) => findCondition(object.status?.conditions, "Ready"),
        nowMs: io.clock.now(),
      });
      io.print(rendered(io, report));
    });
}

async function list<K extends KindName>(kube: KubeClient, kind: KindResource<K>): Promise<Kinds[K][]> {
  try {
    return (await kube.list(kind)) as unknown as Kinds[K][];
  } catch (error) {
    throw isCoded(error, "KubeNotFound") ? notInstalled(error) : error;
  }
}

function rendered(io: CliIo, report: StatusReport): string {
  switch (outputOf(io, ["text", "json", "yaml", "markdown"])) {
    case "json":
      return JSON.stringify(report, undefined, 2);
    case "yaml":
      return yamlText(report);
    case "markdown":
      return statusMarkdown(report);
    case "text":
      return statusText(report);
  }
}
