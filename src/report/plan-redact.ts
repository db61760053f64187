/** What of a change may be shown: values of Secrets are withheld, whatever field they stand in. */
import type { FieldChange, PlanEntry } from "./plan.ts";
import { withheldSize } from "./secret-redact.ts";

const SHOWN_SECRET_FIELDS = /^\/(?:type|immutable|metadata\/(?:labels|finalizers)(?:\/|$))/;

/** What stands in the place of one value. */
type StandIn = (value: unknown) => string;

/**
 * The entry as it may be printed; one that is redacted already comes back as it is. Without a `standIn` whose digests
 * are made under a key, no digest is shown: whoever reads an unkeyed one can try passwords against it.
 */
export function redactEntry(entry: PlanEntry, standIn?: StandIn): PlanEntry {
  if (entry.kind !== "Secret" || entry.changes === undefined || entry.redacted === true) return entry;
  return { ...entry, redacted: true, changes: entry.changes.map((change) => redactChange(change, standIn)) };
}

/** One change of a Secret as it may be printed: the sizes of its data's values, unless `standIn` says something else. */
export function redactChange(
  change: FieldChange,
  standIn: StandIn = /^\/data(?:\/|$)/.test(change.path) ? withheldSize : withheld,
): FieldChange {
  if (SHOWN_SECRET_FIELDS.test(change.path)) return change;
  return {
    op: change.op,
    path: change.path,
    ...(change.undoneBy === undefined ? {} : { undoneBy: change.undoneBy }),
    ...("before" in change ? { before: redacted(change.before, standIn) } : {}),
    ...("after" in change ? { after: redacted(change.after, standIn) } : {}),
  };
}

/** Names of keys stay readable. */
function redacted(value: unknown, standIn: StandIn): unknown {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner, standIn)]));
  }
  return standIn(value);
}

function withheld(): string {
  return "<redacted>";
}
