import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TestbedError } from "../errors.ts";
import type { GuardedFolder } from "./guarded-folder.ts";
import { type GuardedProcess, startGuarded } from "./guarded-process.ts";
import { waitUntil } from "./wait-until.ts";

const LOG_TAIL = 15;
const PORT_TAKEN = /address already in use|EADDRINUSE/i;

export interface ServerOptions {
  /** Names the server in errors, and its log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly folder: GuardedFolder;
  /** Whether it answers; errors count as "not yet". */
  readonly ready: () => Promise<boolean>;
  readonly timeoutMs?: number;
}

/**
 * Starts a server and waits until it is ready.
 * @throws {PortTaken} when it ended because its address was in use
 * @throws {ServerExited} when it ended for another reason; the message has the end of its log
 * @throws {NotReady} when it runs, but does not answer
 */
export async function startServer(options: ServerOptions): Promise<GuardedProcess> {
  const logFile = join(options.folder.path, `${options.name}.log`);
  const server = await startGuarded({ ...options, logFile });
  let ended = false;
  const watching = server.exited.then(() => {
    ended = true;
  });
  try {
    await waitUntil(async () => ended || (await options.ready().catch(() => false)), {
      what: `${options.name} is ready`,
      timeoutMs: options.timeoutMs ?? 60_000,
    });
  } catch (error) {
    const tail = await logTail(logFile);
    await server.stop();
    throw new TestbedError("NotReady", `${options.name} did not become ready; its log ends:\n${tail}`, {
      cause: error,
    });
  }
  if (!ended) return server;
  await watching;
  throw await exitError(options.name, logFile);
}

async function exitError(name: string, logFile: string): Promise<TestbedError> {
  const tail = await logTail(logFile);
  const code = PORT_TAKEN.test(tail) ? "PortTaken" : "ServerExited";
  return new TestbedError(code, `${name} ended right after its start; its log ends:\n${tail}`);
}

async function logTail(logFile: string): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-LOG_TAIL).join("\n");
}
