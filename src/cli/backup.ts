import { Command } from "commander";
import { backupCancelCommand } from "./backup-cancel.ts";
import { backupCreateCommand } from "./backup-create.ts";
import { backupDeleteCommand } from "./backup-delete.ts";
import { backupDescribeCommand } from "./backup-describe.ts";
import { backupDiffCommand } from "./backup-diff.ts";
import { backupGetCommand } from "./backup-get.ts";
import { backupGrepCommand } from "./backup-grep.ts";
import { backupCatCommand, backupDownloadCommand, backupLogsCommand } from "./backup-read.ts";
import { backupVerifyCommand } from "./backup-verify.ts";
import type { CliIo } from "./io.ts";

/** Builds `backup` with its subcommands. */
export function backupCommand(io: CliIo): Command {
  const command = new Command("backup").description("make backups, and look into them without restoring");
  const subcommands = [
    backupCreateCommand,
    backupGetCommand,
    backupDescribeCommand,
    backupLogsCommand,
    backupDownloadCommand,
    backupCatCommand,
    backupGrepCommand,
    backupDiffCommand,
    backupVerifyCommand,
    backupCancelCommand,
    backupDeleteCommand,
  ];
  for (const build of subcommands) command.addCommand(build(io));
  return command;
}
