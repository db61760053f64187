/** Runs command lines in this process, on backups in a folder. */
import { backupCommand } from "../../src/cli/backup.ts";
import { readConfig } from "../../src/cli/config.ts";
import { historyCommand } from "../../src/cli/history.ts";
import { type CliIo, createCliIo } from "../../src/cli/io.ts";
import { createProgram, runCli } from "../../src/cli/root.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** What the commands reach. */
export interface Servers {
  readonly kube: KubeClient;
  readonly store: ObjectStore;
  /** Where the location object is; `holdfast/default` unless told. */
  readonly location?: { readonly namespace: string; readonly name: string };
}

/** `holdfast backup …` and `holdfast history …`: 80 columns wide, against this cluster and this location. */
export async function runBackupCli(servers: Servers, argv: readonly string[]): Promise<Ran> {
  return await runCommands(servers, (io) => [backupCommand(io), historyCommand(io)], argv);
}

/** A command line of these commands, 80 columns wide. */
export async function runCommands(
  { kube, store, location = { namespace: "holdfast", name: "default" } }: Servers,
  commands: (io: CliIo) => ReturnType<typeof backupCommand>[],
  argv: readonly string[],
): Promise<Ran> {
  const output = { out: "", err: "" };
  const io = createCliIo({
    stdout: { write: (text) => (output.out += text), isTTY: false },
    stderr: { write: (text) => (output.err += text), isTTY: false },
    width: 80,
    config: readConfig({}),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
    buildDeps: () => ({
      kube: async () => kube,
      location: async () => ({ ...location, readOnly: false, store }),
      close: async () => {},
    }),
  });
  await runCli(io, createProgram(io, "0.0.0", commands(io)), argv);
  return { ...output, code: io.exitCode };
}
