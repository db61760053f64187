/** Every command of the program, in the order of its help. */
import type { Command } from "commander";
import type { CliIo } from "./io.ts";

/** Loaded by need: a `status` that loads the restore engine takes three times as long to begin. */
const COMMANDS: Readonly<Record<string, (io: CliIo) => Promise<Command>>> = {
  validate: async (io) => (await import("./validate.ts")).validateCommand(io),
  plan: async (io) => (await import("./plan.ts")).planCommand(io),
  run: async (io) => (await import("./run.ts")).runCommand(io),
  status: async (io) => (await import("./status.ts")).statusCommand(io),
  backup: async (io) => (await import("./backup.ts")).backupCommand(io),
  restore: async (io) => (await import("./restore.ts")).restoreCommand(io),
  retention: async (io) => (await import("./retention.ts")).retentionCommand(io),
  history: async (io) => (await import("./history.ts")).historyCommand(io),
  audit: async (io) => (await import("./audit.ts")).auditCommand(io),
  bootstrap: async (io) => (await import("./bootstrap.ts")).bootstrapCommand(io),
  convert: async (io) => (await import("./convert.ts")).convertCommand(io),
  doctor: async (io) => (await import("./doctor.ts")).doctorCommand(io),
};

/**
 * Builds the commands that a command line may be for: those it names anywhere, since only the parser tells an option's
 * value from a command. All of them where it names none, or asks for help before it does. Nothing of `io` but its
 * configuration is touched before one runs.
 */
export async function loadCommands(io: CliIo, argv: readonly string[] = []): Promise<Command[]> {
  const first = argv.findIndex((word) => Object.hasOwn(COMMANDS, word));
  const asksForAll = first < 0 || argv.slice(0, first).some((word) => word === "--help" || word === "-h");
  const wanted = Object.entries(COMMANDS).filter(([name]) => asksForAll || argv.includes(name));
  return await Promise.all(wanted.map(([, load]) => load(io)));
}
