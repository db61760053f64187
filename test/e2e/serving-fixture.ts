import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { Installation, Running } from "./run-fixture.ts";

/** A daemon that serves health and metrics. */
export interface Daemon {
  readonly running: Running;
  readonly url: string;
  log(): string;
}

/** For a port that nobody else has. */
export const ANY_PORT: readonly string[] = ["--health-address", "127.0.0.1:0"];

/** Starts the daemon and waits until its health address answers. */
export async function startServing(holdfast: Installation, args: readonly string[] = []): Promise<Daemon> {
  const how = ["run", "--repo", holdfast.repository.path, "--interval", "1s"];
  return await servingOf(holdfast.start([...how, ...ANY_PORT, ...args]));
}

/** A daemon that was just started with `ANY_PORT`, once it listens. */
export async function servingOf(running: Running): Promise<Daemon> {
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  const urlOf = (): string | undefined => /"health":"([^"]+)"/.exec(log)?.[1];
  await waitUntil(async () => urlOf() !== undefined, { what: "it listens", timeoutMs: 60_000, intervalMs: 50 });
  return { running, url: urlOf() ?? "", log: () => log };
}

export async function getText(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Waits until it leads, has listed everything and has read what counters need of the record. */
export async function untilCounting({ url }: Pick<Daemon, "url">): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { status } = await getText(`${url}/readyz`);
    const { text } = await getText(`${url}/metrics`);
    return status === 200 && /^holdfast_leader 1$/m.test(text) && /^holdfast_backup_attempt_total\{/m.test(text);
  };
  await waitUntil(isReady, { what: "it leads and counts", timeoutMs: 60_000, intervalMs: 20 });
}

/** Series of backups, restores and schedules: what the cluster holds, not what a process did or a sync last saw. */
export async function seriesOf({ url }: Pick<Daemon, "url">): Promise<string[]> {
  const { text } = await getText(`${url}/metrics`);
  const lines = text.split("\n").filter((line) => /^holdfast_(?:backup_(?!location_)|restore_|schedule_)/.test(line));
  return lines.sort(); // objects are listed in another order than they were made in
}
