import { type CodedError, isCoded, messageOf } from "../errors.ts";
import type { ReconcileDeps } from "./deps.ts";
import { backoffMs } from "./queue.ts";

/** Transitions that come within this time share a commit. */
const BATCH_MS = 750;
/** How often the pages are looked at for what changes by time alone: a schedule that went stale. */
const LOOK_MS = 60_000;
const BACKOFF = { firstMs: 2000, longestMs: 120_000 };

/** Health of the record: how long something has been waiting to be written. */
export interface RecordHealth {
  lastError: string | undefined;
  failures: number;
}

/**
 * Commits what waits, in batches, until the signal aborts; a failure is tried again with a growing delay. A leader of a
 * higher term on the branch ends it, and `stepDown` is told.
 */
export async function runRecordLoop(
  deps: ReconcileDeps,
  health: RecordHealth,
  how: { readonly signal: AbortSignal; readonly stepDown: (reason: CodedError) => void },
): Promise<void> {
  const { signal } = how;
  let lookAt = 0;
  while (!signal.aborted) {
    const isDue = deps.record.isPending() || deps.clock.monotonic() >= lookAt;
    let waitMs = BATCH_MS;
    if (isDue) {
      lookAt = deps.clock.monotonic() + LOOK_MS;
      try {
        const outcome = await deps.record.flush(signal);
        if (outcome?.type === "committed")
          deps.log.info({ revision: outcome.revision, files: outcome.paths.length }, "record is committed");
        health.lastError = undefined;
        health.failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isCoded(error, "LeaseLost")) return how.stepDown(error);
        health.lastError = messageOf(error);
        waitMs = backoffMs(++health.failures, BACKOFF, Math.random());
        deps.log.warn({ retryMs: waitMs, error: health.lastError }, "record was not committed");
      }
    }
    await deps.clock.sleep(waitMs, signal).catch(() => {});
  }
}
