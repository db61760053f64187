import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { TestbedError } from "../errors.ts";
import type { GuardedFolder } from "./guarded-folder.ts";

/**
 * The guard leads a process group and starts the server in it. Our end of its stdin is the lifeline: when it closes
 * (`stop()`, Ctrl-C, a crash, `kill -9` of this process) the server is killed, and then the rest of the group, which
 * is whatever the server started. Servers are killed, not asked: their data is temporary, and an API server takes
 * seconds to say goodbye. The guard reaps them first, so that no zombie waits for a lazy init.
 */
const GUARD = `
log=$1; shift
exec 4<&0
"$@" </dev/null >>"$log" 2>&1 4<&- &
server=$!
echo "pid $server"
{ read -r _ <&4; kill -s KILL $server; } 2>/dev/null &
watcher=$!
wait $server 2>/dev/null
code=$?
kill $watcher 2>/dev/null
wait $watcher 2>/dev/null
echo "exit $code"
kill -s KILL -- -$$
`;

/** A child process that cannot outlive the process that started it. */
export interface GuardedProcess {
  /** The server's own pid, for tests that kill it. */
  readonly pid: number;
  /** The exit code, as a shell counts it (128 + signal; 137 after `stop()`). Never rejects. */
  readonly exited: Promise<number | undefined>;
  /** Kills it and waits until it is gone. Twice is once. */
  stop(): Promise<void>;
}

export interface GuardedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to our own environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The file that takes stdout and stderr (appended). */
  readonly logFile: string;
  /** Not removed before this process has ended. */
  readonly folder: GuardedFolder;
}

/** Starts a process under a guard. It runs when this resolves, but it need not be ready. */
export async function startGuarded(options: GuardedProcessOptions): Promise<GuardedProcess> {
  const guard = spawn("sh", ["-c", GUARD, "sh", options.logFile, options.command, ...options.args], {
    stdio: ["pipe", "pipe", "inherit", options.folder.lifeline],
    detached: true,
    cwd: options.cwd ?? options.folder.path,
    env: { ...process.env, ...options.env },
  });
  const { stdin, stdout } = guard;
  if (stdin === null || stdout === null) throw new Error("the guard has no pipes");
  const gone = once(guard, "exit").catch(() => undefined);
  const pid = Promise.withResolvers<number>();
  const exited = Promise.withResolvers<number | undefined>();
  const lines = createInterface({ input: stdout });
  lines.on("line", (line) => {
    const [word, number] = line.split(" ");
    if (word === "pid") pid.resolve(Number(number));
    if (word === "exit") exited.resolve(Number(number));
  });
  lines.on("close", () => {
    exited.resolve(undefined);
    pid.reject(new TestbedError("ServerExited", `could not start ${options.command}`));
  });
  return {
    pid: await pid.promise,
    exited: exited.promise,
    stop: async () => {
      stdin.end();
      await gone;
    },
  };
}
