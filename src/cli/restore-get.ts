import { Command } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { yamlText } from "../api/yaml-text.ts";
import { restoreTable } from "../report/restore-table.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readRestorePlan } from "./restore-wait.ts";

/** Builds `restore get`: RestorePlans as a table, JSON or YAML. */
export function restoreGetCommand(io: CliIo): Command {
  return new Command("get")
    .description("list restores")
    .argument("[names...]", "only these")
    .option("-l, --selector <selector>", "only those with these labels")
    .addHelpText(
      "after",
      "\nExamples:\n  holdfast restore get\n  holdfast restore get --output wide\n  holdfast restore get shop-restore --output yaml\n",
    )
    .action(async (names: readonly string[], options: { selector?: string }) => {
      const kube = await io.deps().kube();
      const { namespace } = io.options();
      const output = outputOf(io, ["text", "wide", "json", "yaml"]);
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
      if (plans.length === 0) return io.print(`no restores in namespace ${namespace}`);
      io.print(restoreTable(plans, { nowMs: io.clock.now(), wide: output === "wide" }));
    });
}
