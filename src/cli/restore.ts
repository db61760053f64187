import { Command } from "commander";
import type { CliIo } from "./io.ts";
import { restoreCreateCommand } from "./restore-create.ts";
import { restoreDescribeCommand } from "./restore-describe.ts";
import { restoreFollowupCommand } from "./restore-followup.ts";
import { restoreGetCommand } from "./restore-get.ts";
import { restoreLogsCommand } from "./restore-logs.ts";
import { restoreCancelCommand, restoreUndoCommand } from "./restore-requests.ts";

/** Builds `restore` and its subcommands. */
export function restoreCommand(io: CliIo): Command {
  return new Command("restore")
    .description("ask for restores and look at them; `holdfast plan` shows what one would do")
    .addCommand(restoreCreateCommand(io))
    .addCommand(restoreGetCommand(io))
    .addCommand(restoreDescribeCommand(io))
    .addCommand(restoreFollowupCommand(io))
    .addCommand(restoreLogsCommand(io))
    .addCommand(restoreUndoCommand(io))
    .addCommand(restoreCancelCommand(io));
}
