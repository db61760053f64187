import { Command } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { yamlText } from "../api/yaml-text.ts";
import { messageOf } from "../errors.ts";
import { describeRestore } from "../report/describe-restore.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readRunFile } from "./restore-records.ts";
import { readRestorePlan } from "./restore-wait.ts";

/** Builds `restore describe`: the spec, how it went, and every warning and error. */
export function restoreDescribeCommand(io: CliIo): Command {
  return new Command("describe")
    .description("show one restore: what was asked, what became of it, its warnings and errors")
    .argument("<name>", "name of the RestorePlan")
    .option("--details", "list every object with what became of it", false)
    .addHelpText(
      "after",
      "\nExamples:\n  holdfast restore describe shop-restore\n  holdfast restore describe shop-restore --details\n",
    )
    .action(async (name: string, options: { details: boolean }) => {
      const plan = await readRestorePlan(io, await io.deps().kube(), name);
      const output = outputOf(io, ["text", "json", "yaml"]);
      if (output === "json") return io.print(JSON.stringify(plan, undefined, 2));
      if (output === "yaml") return io.print(yamlText(plan));
      const results = await readOrNote(io, plan, "results");
      const list = options.details ? await readOrNote(io, plan, "resourceList") : undefined;
      io.print(describeRestore(plan, { results, resourceList: list, width: io.width }));
    });
}

/** The location may be out of reach; the rest of the description is worth printing all the same. */
async function readOrNote(io: CliIo, plan: RestorePlan, file: "results" | "resourceList"): Promise<unknown> {
  try {
    const text = await readRunFile(io, plan, file);
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    io.note(`the ${file} of the run can't be read: ${messageOf(error)}`);
    return undefined;
  }
}
