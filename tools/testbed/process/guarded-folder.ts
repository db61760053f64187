import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";

/**
 * The guard is a shell of its own session that outlives us: it makes the folder, waits until every holder of the pipe
 * is gone, however it went, and removes the folder. A `kill -9` of this process closes the pipe as well as `remove()`.
 */
const GUARD = `
folder=$(mktemp -d "$1/$2.XXXXXX") || exit 1
echo "$folder"
read -r _
rm -rf -- "$folder" 2>/dev/null || { chmod -R u+rwX -- "$folder"; rm -rf -- "$folder"; }
`;

/** A temporary folder that disappears with the process that made it. */
export interface GuardedFolder {
  readonly path: string;
  /** The pipe that keeps the folder; a server that uses the folder inherits it, so the folder outlives the server. */
  readonly lifeline: Writable;
  /** Removes the folder once the servers that inherited the lifeline have ended. */
  remove(): Promise<void>;
}

export interface GuardedFolderOptions {
  /** The existing folder to make it in; the system's temporary folder by default. */
  readonly parent?: string;
  readonly prefix?: string;
}

/** Makes a temporary folder, readable by its owner only. */
export async function createGuardedFolder(options: GuardedFolderOptions = {}): Promise<GuardedFolder> {
  const args = ["-c", GUARD, "sh", options.parent ?? tmpdir(), options.prefix ?? "holdfast-testbed"];
  const guard = spawn("sh", args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const path = await firstLine(guard);
  return {
    path,
    lifeline: guard.stdin,
    remove: async () => {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      const exited = once(guard, "exit");
      guard.stdin.end();
      await exited;
    },
  };
}

async function firstLine(guard: ChildProcess & { stdout: NodeJS.ReadableStream }): Promise<string> {
  for await (const line of createInterface({ input: guard.stdout })) return line;
  throw new Error("could not make a temporary folder");
}
