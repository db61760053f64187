import { jsonDigest } from "../api/digest.ts";

/** One object that is about to be deleted. */
export interface PlannedDeletion {
  /** `Backup ns/name`. */
  readonly id: string;
  readonly kind: string;
  readonly uid: string;
}

export interface DeletionLimits {
  /** Objects of the same source or policy deleted within the last hour. */
  readonly recent: number;
  /** The value of `holdfast.dev/allow-deletions`, where a person set it. */
  readonly allowed: string | undefined;
}

/** `held`: stop and say so; `digest` is what allows exactly this set. */
export type DeletionVerdict =
  | { readonly type: "allowed"; readonly digest: string }
  | { readonly type: "held"; readonly digest: string; readonly why: string };

/** So many deletions an hour are routine, however few objects there are. */
const ROUTINE_DELETIONS = 10;
/** And so large a part of many objects. */
const ROUTINE_SHARE = 0.2;

/**
 * The mass-deletion breaker: holds more than max(10, 20%) within an hour, the last object of a kind, or more than half
 * of two or more. Pure. `staying` lists the kind of every object of the same source or policy that stays.
 */
export function judgeDeletions(
  deletions: readonly PlannedDeletion[],
  staying: readonly string[],
  limits: DeletionLimits,
): DeletionVerdict {
  const digest = jsonDigest(deletions.map(({ id, uid }) => `${id} ${uid}`).sort());
  const why = whyHeld(deletions, staying, limits.recent);
  if (why === undefined || limits.allowed === digest) return { type: "allowed", digest };
  return { type: "held", digest, why };
}

function whyHeld(
  deletions: readonly PlannedDeletion[],
  staying: readonly string[],
  recent: number,
): string | undefined {
  const total = deletions.length + staying.length;
  const withinHour = deletions.length + recent;
  const limit = Math.max(ROUTINE_DELETIONS, Math.floor((total + recent) * ROUTINE_SHARE));
  if (withinHour > limit) return `${withinHour} deletions within an hour, more than ${limit} of ${total + recent}`;
  const kinds = new Set(staying);
  const last = deletions.find(({ kind }) => !kinds.has(kind));
  if (last !== undefined) return `${last.id} is the last ${last.kind}`;
  if (total >= 2 && deletions.length > total / 2) return `${deletions.length} deletions are more than half of ${total}`;
  return undefined;
}
