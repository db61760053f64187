import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TestbedError } from "../errors.ts";
import { lockFile } from "../process/file-lock.ts";
import { waitUntil } from "../process/wait-until.ts";
import type { TestbedParts } from "../testbed.ts";
import { describeUp } from "./describe-up.ts";
import { type UpState, upFolder, upLog } from "./state.ts";
import { readLiveState } from "./supervisor-control.ts";

// The first start may have to build the servers.
const START_TIMEOUT_MS = 60 * 60_000;

/**
 * Starts the testbed in the background and says how to reach it. One that is up already is left as it is.
 * @throws {Usage} when one is up that lacks what is asked for
 */
export async function up(parts: TestbedParts): Promise<string> {
  await mkdir(upFolder(), { recursive: true });
  const lock = await lockFile(join(upFolder(), "lock"));
  try {
    const running = await readLiveState();
    if (running === undefined) return `The testbed is up.\n${describeUp(await startSupervisor(parts))}`;
    const lacking = (["kwok", "s3", "git"] as const).filter(
      (part) => parts[part] === true && running.parts[part] !== true,
    );
    if (lacking.length === 0) return `The testbed is already up.\n${describeUp(running)}`;
    throw new TestbedError("Usage", `the testbed is already up, without ${lacking.join(" and ")}: run \`down\` first`);
  } finally {
    await lock.release();
  }
}

async function startSupervisor(parts: TestbedParts): Promise<UpState> {
  const log = await open(upLog(), "w", 0o600);
  const script = join(import.meta.dirname, "supervisor.ts");
  const child = spawn(process.execPath, [script, JSON.stringify(parts)], {
    detached: true,
    stdio: ["pipe", log.fd, log.fd],
    cwd: upFolder(),
  });
  await log.close();
  let shown = 0;
  const state = await waitUntil(
    async () => {
      const text = await readFile(upLog(), "utf8");
      if (hasEnded(child))
        throw new TestbedError("ServerExited", `the testbed did not start: ${text.slice(shown).trim()}`);
      process.stderr.write(text.slice(shown));
      shown = text.length;
      const live = await readLiveState();
      return live?.pid === child.pid ? live : undefined;
    },
    { what: "the testbed is up", timeoutMs: START_TIMEOUT_MS, intervalMs: 100 },
  );
  await new Promise((resolve) => child.stdin?.end("seen", () => resolve(undefined))); // from here on it lives without us
  child.unref();
  return state;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
