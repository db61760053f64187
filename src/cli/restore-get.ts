import { Command } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { yamlText } from "../api/yaml-text.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readRestorePlan } from "./restore-wait.ts";

const COLUMNS = ["NAME", "BACKUP", "STATUS", "STARTED", "COMPLETED", "ERRORS", "WARNINGS", "CREATED"] as const;

/** Builds `restore get`: RestorePlans as a table, JSON or YAML. */
export function restoreGetCommand(io: CliIo): Command {
  return new Command("get")
    .description("list restores")
    .argument("[names...]", "only these")
    .option("-l, --selector <selector>", "only those with these labels")
    .addHelpText("after", "\nExamples:\n  holdfast restore get\n  holdfast restore get shop-restore --output yaml\n")
    .action(async (names: readonly string[], options: { selector?: string }) => {
      const kube = await io.deps().kube();
      const { namespace } = io.options();
      const output = outputOf(io, ["text", "json", "yaml"]);
      const plans =
        names.length > 0
          ? await Promise.all(names.map((name) => readRestorePlan(io, kube, name)))
          : ((await kube.list(RESTORE_PLAN, {
              namespace,
              signal: io.signal,
              ...(options.selector === undefined ? {} : { labelSelector: options.selector }),
            })) as unknown as RestorePlan[]);
      if (output === "json") return io.print(JSON.stringify(plans, undefined, 2));
      if (output === "yaml") return io.print(plans.map((plan) => yamlText(plan)).join("---\n"));
      io.print(plans.length === 0 ? `no restores in namespace ${namespace}` : table(plans));
    });
}

function table(plans: readonly RestorePlan[]): string {
  const rows = [COLUMNS, ...plans.map(rowOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function rowOf({ metadata, spec, status }: RestorePlan): readonly string[] {
  const backup = status?.backup?.name ?? spec.source.backupName ?? spec.source.policy?.name ?? spec.source.undoOf ?? "";
  return [
    metadata.name,
    backup,
    status?.phase ?? "New",
    status?.startTimestamp ?? "-",
    status?.completionTimestamp ?? "-",
    String(status?.errors ?? 0),
    String(status?.warnings ?? 0),
    String(metadata.creationTimestamp ?? "-"),
  ];
}
