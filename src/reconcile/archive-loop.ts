import { messageOf } from "../errors.ts";
import { type ArchiveDeps, archiveOldYears } from "./record-archive.ts";

/** How often old years are looked for; it costs the listing of what is there, and a push for what moves. */
const LOOK_MS = 24 * 60 * 60_000;
/** The first look, and the next one where the record could not be reached. */
const FIRST_LOOK_MS = 15_000;
const RETRY_MS = 60 * 60_000;

/** Looks for old years once a day, until the signal aborts; a loop of its own, so that no transition waits for it. */
export async function runArchiveLoop(deps: ArchiveDeps, signal: AbortSignal): Promise<void> {
  let waitMs = FIRST_LOOK_MS;
  for (;;) {
    await deps.clock.sleep(waitMs, signal).catch(() => {});
    if (signal.aborted) return;
    waitMs = await lookForOldYears(deps, signal);
  }
}

/** One look; a failure is logged, since nothing else depends on it. Returns after how many ms the next one is due. */
export async function lookForOldYears(deps: ArchiveDeps, signal: AbortSignal): Promise<number> {
  try {
    return (await archiveOldYears(deps, signal)) === undefined ? FIRST_LOOK_MS : LOOK_MS;
  } catch (error) {
    if (!signal.aborted) deps.log.warn({ retryMs: RETRY_MS, error: messageOf(error) }, "old records were not archived");
    return RETRY_MS;
  }
}
