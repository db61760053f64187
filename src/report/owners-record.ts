import { stableJson } from "./stable-text.ts";

/** `restores/<ns>/<name>/<run>/owners.json`: written before the first owner is paused, and again when all go on. */
export interface OwnersRecord {
  readonly run: string;
  readonly owners: readonly OwnerPause[];
  /** RFC 3339, UTC. */
  readonly pausedAt: string;
  /** Absent while they are paused. */
  readonly resumedAt?: string | undefined;
}

/** One owner and the way back by hand. */
export interface OwnerPause {
  /** `Application argocd/shop`. */
  readonly owner: string;
  /** What pauses it, as `spec.suspend: true`. */
  readonly how: string;
  /** What stood there before; absent: nothing did. */
  readonly prior?: unknown;
}

/** The bytes of the record. */
export function ownersRecordText(record: OwnersRecord): string {
  return stableJson(record);
}
