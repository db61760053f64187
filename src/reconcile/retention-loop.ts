import { messageOf } from "../errors.ts";
import type { ReconcileDeps } from "./deps.ts";
import { type JudgedDeletions, lookAtRetention } from "./retention.ts";
import { routineSince } from "./retention-breaker-plan.ts";

/** After a failed look (the API server did not answer), the next one comes sooner. */
const RETRY_MS = 60_000;

/** Looks at what has expired, and knows when it did so last. */
export interface Retention {
  /** One look now. @throws {KubeUnavailable} and its like: nothing was deleted that should not be */
  look(): Promise<number>;
  /** Looks at every interval, first after one wait of `delayMs`, until the signal aborts. */
  run(signal: AbortSignal, delayMs: number): Promise<void>;
}

/** How often retention looks, and when any Holdfast led before this one (ms since the epoch). */
export interface RetentionOptions {
  readonly frequencyMs: number;
  readonly lastLedMs: number | undefined;
}

/** Builds the looks of one leader. */
export function createRetention(deps: ReconcileDeps, { frequencyMs, lastLedMs }: RetentionOptions): Retention {
  const judged: JudgedDeletions = new Map();
  let lookedAt: number | undefined;

  async function look(): Promise<number> {
    const nowMs = deps.clock.now();
    const startedAt = deps.clock.monotonic();
    const sinceStart = lastLedMs === undefined ? undefined : nowMs - lastLedMs;
    const pauseMs = lookedAt === undefined ? sinceStart : startedAt - lookedAt;
    const marked = await lookAtRetention(deps, { routineSinceMs: routineSince(nowMs, pauseMs, frequencyMs), judged });
    lookedAt = startedAt;
    return marked;
  }

  async function run(signal: AbortSignal, delayMs: number): Promise<void> {
    let waitMs = delayMs;
    while (!signal.aborted) {
      await deps.clock.sleep(waitMs, signal).catch(() => {});
      if (signal.aborted) return;
      waitMs = frequencyMs;
      try {
        await look();
      } catch (error) {
        if (signal.aborted) return;
        waitMs = Math.min(RETRY_MS, frequencyMs);
        deps.log.warn({ retryMs: waitMs, error: messageOf(error) }, "retention was not looked at");
      }
    }
  }

  return { look, run };
}
