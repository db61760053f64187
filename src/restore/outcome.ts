/** How a run ended, from what it counted. */
import { type Clock, rfc3339 } from "../clock.ts";
import { messageOf, remedyFor } from "../errors.ts";
import type { RunTally } from "./results.ts";
import type { RestoreOutcome, RestorePhase } from "./types.ts";

/** What ended a run other than its last object. */
export interface Ended {
  readonly phase?: RestorePhase;
  readonly failureReason?: string;
  readonly validationErrors?: readonly string[];
  readonly cancelled?: boolean;
  readonly hookStatus?: { readonly hooksAttempted: number; readonly hooksFailed: number };
}

/** What went wrong, and what to do about it. */
export function failureReasonOf(error: unknown): string {
  const remedy = remedyFor(error);
  return remedy === undefined ? messageOf(error) : `${messageOf(error)}; ${remedy}`;
}

/** The phase and the counts of a run that began at `started` (wall-clock ms) and ends now. */
export function outcomeOf(clock: Clock, started: number, tally: RunTally, ended: Ended = {}): RestoreOutcome {
  const partial = tally.errorCount > 0 || tally.refused > 0 || ended.cancelled === true;
  const phase =
    ended.phase ?? (ended.failureReason !== undefined ? "Failed" : partial ? "PartiallyFailed" : "Completed");
  return {
    phase,
    ...(ended.failureReason === undefined ? {} : { failureReason: ended.failureReason }),
    ...(ended.validationErrors === undefined ? {} : { validationErrors: ended.validationErrors }),
    ...(ended.hookStatus === undefined ? {} : { hookStatus: ended.hookStatus }),
    startTimestamp: rfc3339(started),
    completionTimestamp: rfc3339(clock.now()),
    totalItems: tally.items,
    itemsRestored: tally.items,
    counts: tally.counts,
    warnings: tally.warningCount,
    errors: tally.errorCount,
    results: { warnings: tally.warnings, errors: tally.errors },
    cancelled: ended.cancelled === true,
  };
}
