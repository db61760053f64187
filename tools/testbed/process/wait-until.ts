import { setTimeout as sleep } from "node:timers/promises";
import { TestbedError } from "../errors.ts";

export interface WaitOptions {
  /** Completes the sentence "gave up waiting until …". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Polls `check` until it gives something other than undefined or false, and returns that. An error of `check` ends the
 * wait at once.
 * @throws {NotReady} when the deadline (60 s by default) has passed
 */
export async function waitUntil<T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 60_000);
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new TestbedError("NotReady", `gave up waiting until ${options.what}`);
    await sleep(options.intervalMs ?? 50);
  }
}
