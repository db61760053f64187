import type { ConditionReason } from "../api/conditions.ts";
import { CodedError, type ErrorCode, isCoded } from "../errors.ts";

/** What the workqueue does next. There is no bare `requeue: true`: a wait has a length. */
export type Result = { readonly type: "done" } | { readonly type: "requeue"; readonly afterMs: number };

/** Nothing more to do until the object changes. */
export const DONE: Result = { type: "done" };

/** Look again after so many ms, whatever happens. */
export function requeue(afterMs: number): Result {
  return { type: "requeue", afterMs };
}

/** How one reconcile of one object came out. A failure is thrown, not returned. */
export type StepOutcome =
  /** Settled and fine; looked at again after `afterMs` where that is given. */
  | { readonly type: "ready"; readonly reason: ConditionReason; readonly message: string; readonly afterMs?: number }
  /** Healthy, not finished. */
  | { readonly type: "wait"; readonly reason: ConditionReason; readonly message: string; readonly afterMs: number }
  /** Not fine, tried again after `afterMs`: Ready=False. */
  | { readonly type: "fail"; readonly reason: ConditionReason; readonly message: string; readonly afterMs: number }
  /** Needs a new commit or a person first. */
  | { readonly type: "stall"; readonly reason: ConditionReason; readonly message: string; readonly afterMs?: number };

/** What a failure asks for: try again with backoff, or stop until somebody changes something. */
export type Reaction = "backoff" | "stall";

/** Codes that only a new commit, another spec or a person can mend. */
const STALLING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "InvalidDocument",
  "InvalidPatch",
  "InvalidSpec",
  "BackupNameTaken",
  "ClaimTaken",
  "DigestMismatch",
  "ArchiveTruncated",
  "ArchiveInvalid",
]);

/** The one place that maps a failure to what the loop does about it. */
export function reactionTo(error: unknown): Reaction {
  return error instanceof CodedError && STALLING.has(error.code) ? "stall" : "backoff";
}

/** True for a lost race: read again and go on; nobody needs to hear of it. */
export function isLostRace(error: unknown): boolean {
  return isCoded(error, "KubeConflict") || isCoded(error, "KubeExists");
}
