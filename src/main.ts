import { constants } from "node:os";
import { HOLDFAST_VERSION } from "./api/version.ts";
import { loadCommands } from "./cli/commands.ts";
import { readConfig } from "./cli/config.ts";
import { buildDeps } from "./cli/deps.ts";
import { createCliIo } from "./cli/io.ts";
import { createProgram, runCli } from "./cli/root.ts";
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
const argv = process.argv.slice(2);
await runCli(io, createProgram(io, HOLDFAST_VERSION, await loadCommands(io, argv)), argv);
await io.close();
process.exitCode = io.exitCode;
