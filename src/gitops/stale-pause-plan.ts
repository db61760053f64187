/** Whether a pause still has somebody who will end it. Pure. */
import type { PauseRecord } from "./pause-change.ts";

/** What is known of the run that a pause belongs to. */
export interface PausingRun {
  /** Of the RestorePlan that has this run; undefined where none does. */
  readonly phase: string | undefined;
  /** True while this very process works on it. */
  readonly isActive: boolean;
}

/** `stale`: nobody will end it, so anybody may. */
export interface PauseVerdict {
  readonly type: "held" | "stale";
  /** One sentence without a capital and a full stop. */
  readonly why: string;
}

const UNFINISHED: ReadonlySet<string> = new Set(["New", "InProgress", "Finalizing"]);

/** Judges one pause. */
export function judgePause(record: PauseRecord, { phase, isActive }: PausingRun, nowMs: number): PauseVerdict {
  if (isActive) return { type: "held", why: `run ${record.run} is restoring` };
  if (phase === undefined) return { type: "stale", why: `no RestorePlan has run ${record.run} any more` };
  if (!UNFINISHED.has(phase)) return { type: "stale", why: `run ${record.run} ended ${phase}` };
  if (Date.parse(record.deadline) < nowMs)
    return { type: "stale", why: `run ${record.run} has not been heard of since ${record.deadline}` };
  return { type: "held", why: `run ${record.run} is to go on` };
}
