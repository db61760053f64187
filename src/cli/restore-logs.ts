import { Command } from "commander";
import { CodedError } from "../errors.ts";
import type { CliIo } from "./io.ts";
import { readRunFile } from "./restore-records.ts";
import { readRestorePlan } from "./restore-wait.ts";

/** Builds `restore logs`: what the run wrote down, object by object. */
export function restoreLogsCommand(io: CliIo): Command {
  return new Command("logs")
    .description("print the log of a restore that has ended")
    .argument("<name>", "name of the RestorePlan")
    .addHelpText("after", "\nExamples:\n  holdfast restore logs shop-restore | grep level=error\n")
    .action(async (name: string) => {
      const plan = await readRestorePlan(io, await io.deps().kube(), name);
      const log = await readRunFile(io, plan, "logs");
      if (log === undefined)
        throw new CodedError(
          "Usage",
          { argument: name },
          `restore ${name} has no log yet: its phase is ${plan.status?.phase ?? "New"}`,
        );
      io.stdout.write(log);
    });
}
