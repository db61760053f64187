import { constants } from "node:os";
import type { Command } from "commander";
import { HOLDFAST_VERSION } from "./api/version.ts";
import { auditCommand } from "./cli/audit.ts";
import { backupCommand } from "./cli/backup.ts";
import { bootstrapCommand } from "./cli/bootstrap.ts";
import { readConfig } from "./cli/config.ts";
import { convertCommand } from "./cli/convert.ts";
import { buildDeps } from "./cli/deps.ts";
import { doctorCommand } from "./cli/doctor.ts";
import { historyCommand } from "./cli/history.ts";
import { createCliIo } from "./cli/io.ts";
import { planCommand } from "./cli/plan.ts";
import { restoreCommand } from "./cli/restore.ts";
import { retentionCommand } from "./cli/retention.ts";
import { createProgram, runCli } from "./cli/root.ts";
import { runCommand } from "./cli/run.ts";
import { statusCommand } from "./cli/status.ts";
import { validateCommand } from "./cli/validate.ts";
import { systemClock } from "./clock.ts";
import { createLogger } from "./log.ts";

const DEFAULT_WIDTH = 100;

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (stopping.signal.aborted) process.exit(1); // asked twice: now
    stopping.abort(new Error(`stopped by ${name}`));
  });
}

// Whoever reads has enough, as `| head` has: the end that SIGPIPE makes of other programs, without a stack trace.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(128 + constants.signals.SIGPIPE);
});

const config = readConfig();
const io = createCliIo({
  stdout: process.stdout,
  stderr: process.stderr,
  width: process.stdout.columns ?? DEFAULT_WIDTH,
  config,
  clock: systemClock,
  log: createLogger(config.logLevel),
  signal: stopping.signal,
  buildDeps,
});
const commands: Command[] = [
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
await runCli(io, createProgram(io, HOLDFAST_VERSION, commands), process.argv.slice(2));
await io.close();
process.exitCode = io.exitCode;
