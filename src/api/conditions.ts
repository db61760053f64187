/**
 * Conditions as kstatus reads them: `Ready` (positive), `Reconciling` and `Stalled` (present and True only while they
 * hold). Reasons are public: they are one union, and an error's code is a reason.
 */
import { rfc3339 } from "../clock.ts";
import type { ErrorCode } from "../errors.ts";
import type { Condition } from "./kinds.generated.ts";

/** What a condition is about. All are positive, but Reconciling, Stalled, VolumeDataNotProtected, DeletionBlocked and Conflict. */
export type ConditionType =
  | "Ready"
  | "Reconciling"
  | "Stalled"
  /** How the last run of a policy went; `Ready` of a policy says only that it is accepted and working. */
  | "LastRunSucceeded"
  /** How a finished Backup or RestorePlan went. */
  | "Succeeded"
  /** A claim in the backup whose data was not copied. */
  | "VolumeDataNotProtected"
  /** Present while something is to be deleted and can't be: a backup, or some of those of a policy or location. */
  | "DeletionBlocked"
  /** Whether a location honours conditional writes. */
  | "ConditionalWrites";

export type ConditionReason =
  | ErrorCode
  // going well
  | "Accepted"
  | "Available"
  | "Succeeded"
  | "Completed"
  | "PartiallyFailed"
  | "Failed"
  | "FailedValidation"
  | "Applied"
  | "Progressing"
  | "Queued"
  | "Suspended"
  | "AwaitingApproval"
  | "AwaitingBackup"
  | "AwaitingLocation"
  | "NeverRun"
  // needs a new commit or a person
  | "InvalidDocuments"
  | "NoDocuments"
  | "Conflict"
  | "HistoryRewritten"
  | "FieldsPruned"
  | "DeletionsHeld"
  | "ClaimedByOtherCluster"
  | "AlreadyRun"
  | "NotFromGit"
  | "LocationReadOnly"
  | "LocationUnavailable"
  | "LocationMissing"
  | "NoDefaultLocation"
  // ended otherwise
  | "Interrupted"
  | "Cancelled"
  | "DataMissing"
  | "Deleting"
  | "Deleted"
  | "InUse"
  | "ObjectLocked"
  | "ClockAhead"
  | "VolumesNotCopied"
  | "Supported"
  | "NotSupported";

export interface ConditionInput {
  readonly type: ConditionType;
  readonly status: boolean | "Unknown";
  readonly reason: ConditionReason;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
}

/**
 * The conditions with one of them set. `lastTransitionTime` moves only when `status` does; where nothing changes the
 * same array comes back, so that an equal status writes nothing. `nowMs` is ms since the epoch.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  input: ConditionInput,
  nowMs: number,
): readonly Condition[] {
  const before = conditions ?? [];
  const index = before.findIndex(({ type }) => type === input.type);
  const old = before[index];
  const next = condition(input, old, nowMs);
  if (old === undefined) return [...before, next];
  return isSame(old, next) ? before : before.with(index, next);
}

/** The conditions without one of them; the same array where it was not there. */
export function removeCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): readonly Condition[] {
  const before = conditions ?? [];
  return before.some((item) => item.type === type) ? before.filter((item) => item.type !== type) : before;
}

/** One condition, or undefined. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((item) => item.type === type);
}

/** How an object stands as a whole; gives the three kstatus conditions together, so that they never disagree. */
export interface Standing {
  /**
   * `ready`: settled and fine. `failing`: settled for now and tried again (Ready=False). `reconciling`: at work
   * (Ready=Unknown). `stalled`: only a new commit or a person helps.
   */
  readonly type: "ready" | "failing" | "reconciling" | "stalled";
  readonly reason: ConditionReason;
  readonly message: string;
}

/** Ready, Reconciling and Stalled from one standing; conditions of other types stay. */
export function setStanding(
  conditions: readonly Condition[] | undefined,
  standing: Standing,
  observedGeneration: number | undefined,
  nowMs: number,
): readonly Condition[] {
  const { type, reason, message } = standing;
  const ready = type === "ready" ? true : type === "reconciling" ? "Unknown" : false;
  let next = setCondition(conditions, { type: "Ready", status: ready, reason, message, observedGeneration }, nowMs);
  for (const [name, holds] of [
    ["Reconciling", type === "reconciling" || type === "failing"],
    ["Stalled", type === "stalled"],
  ] as const) {
    next = holds
      ? setCondition(next, { type: name, status: true, reason, message, observedGeneration }, nowMs)
      : removeCondition(next, name);
  }
  return next;
}

/** The longest message the schema takes. */
const MAX_MESSAGE = 32_768;

function condition(input: ConditionInput, old: Condition | undefined, nowMs: number): Condition {
  const status = input.status === "Unknown" ? "Unknown" : input.status ? "True" : "False";
  return {
    type: input.type,
    status,
    reason: input.reason,
    message: input.message.slice(0, MAX_MESSAGE),
    lastTransitionTime: old?.status === status ? old.lastTransitionTime : rfc3339(nowMs),
    ...(input.observedGeneration === undefined ? {} : { observedGeneration: input.observedGeneration }),
  };
}

function isSame(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
