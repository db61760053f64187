/** What of a plan may be shown: values of Secrets become digests, whatever field they stand in. */
import { jsonDigest } from "../api/digest.ts";
import type { FieldChange, PlanEntry } from "./plan.ts";

const SHOWN_SECRET_FIELDS = /^\/(?:type|immutable|metadata\/(?:labels|finalizers)(?:\/|$))/;

/** Digest of one value. */
type Digest = (value: unknown) => string;

/**
 * The entry as it may be printed. Values keep their identity: equal values have equal digests. One that is redacted
 * already comes back as it is.
 */
export function redactEntry(entry: PlanEntry, digest: Digest = shortDigest): PlanEntry {
  if (entry.kind !== "Secret" || entry.changes === undefined || entry.redacted === true) return entry;
  return { ...entry, redacted: true, changes: entry.changes.map((change) => redactChange(change, digest)) };
}

/** One change of a Secret as it may be printed. */
export function redactChange(change: FieldChange, digest: Digest = shortDigest): FieldChange {
  if (SHOWN_SECRET_FIELDS.test(change.path)) return change;
  return {
    op: change.op,
    path: change.path,
    ...(change.undoneBy === undefined ? {} : { undoneBy: change.undoneBy }),
    ...("before" in change ? { before: redacted(change.before, digest) } : {}),
    ...("after" in change ? { after: redacted(change.after, digest) } : {}),
  };
}

/** Names of keys stay readable. */
function redacted(value: unknown, digest: Digest): unknown {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner, digest)]));
  }
  return digest(value);
}

/** Without a key: few bits, which tell change from no change and give little to guess by. */
function shortDigest(value: unknown): string {
  return `sha256:${jsonDigest(value).slice(0, 8)}`;
}
