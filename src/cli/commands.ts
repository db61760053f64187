/** Every command of the program, in the order of its help. */
import type { Command } from "commander";
import { auditCommand } from "./audit.ts";
import { backupCommand } from "./backup.ts";
import { bootstrapCommand } from "./bootstrap.ts";
import { convertCommand } from "./convert.ts";
import { doctorCommand } from "./doctor.ts";
import { historyCommand } from "./history.ts";
import type { CliIo } from "./io.ts";
import { planCommand } from "./plan.ts";
import { restoreCommand } from "./restore.ts";
import { retentionCommand } from "./retention.ts";
import { runCommand } from "./run.ts";
import { statusCommand } from "./status.ts";
import { validateCommand } from "./validate.ts";

/** Builds them; nothing of `io` but its configuration is touched before one runs. */
export function createCommands(io: CliIo): Command[] {
  return [
    validateCommand(io),
    planCommand(io),
    runCommand(io),
    statusCommand(io),
    backupCommand(io),
    restoreCommand(io),
    retentionCommand(io),
    historyCommand(io),
    auditCommand(io),
    bootstrapCommand(io),
    convertCommand(io),
    doctorCommand(io),
  ];
}
