/** What of a plan may be shown: values of Secrets become digests, whatever field they stand in. */
import { jsonDigest } from "../api/digest.ts";
import type { FieldChange, PlanEntry } from "./plan.ts";

const SHOWN_SECRET_FIELDS = /^\/(?:type|immutable|metadata\/(?:labels|finalizers)(?:\/|$))/;

/** The entry as it may be printed. Values keep their identity: equal values have equal digests. */
export function redactEntry(entry: PlanEntry): PlanEntry {
  if (entry.kind !== "Secret" || entry.changes === undefined) return entry;
  return { ...entry, changes: entry.changes.map(redactChange) };
}

/** One change of a Secret as it may be printed. */
export function redactChange(change: FieldChange): FieldChange {
  if (SHOWN_SECRET_FIELDS.test(change.path)) return change;
  return {
    op: change.op,
    path: change.path,
    ...("before" in change ? { before: redacted(change.before) } : {}),
    ...("after" in change ? { after: redacted(change.after) } : {}),
  };
}

/** Names of keys stay readable; 32 bits of a digest tell change from no change and give little to guess by. */
function redacted(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner)]));
  }
  return `sha256:${jsonDigest(value).slice(0, 8)}`;
}
