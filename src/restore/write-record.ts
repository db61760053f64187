/** What a write is remembered by. */
import type { ObjectRecord, PlannedItem } from "./types.ts";
import { listed, type Written } from "./write-step.ts";

/** The line of `objects.jsonl`. `executed` is the item as it was planned last. */
export function recordOf(planned: PlannedItem, executed: PlannedItem, written: Written): ObjectRecord {
  const { resource, apiVersion, kind, namespace, name, archivedAs } = planned.entry;
  const { object } = written;
  const missing = (executed.missing ?? planned.missing ?? []).map(({ message }) => message);
  const warnings = [...(written.warnings ?? []), ...missing];
  const errors = [...(planned.errors ?? []), ...(written.errors ?? [])];
  return {
    resource,
    apiVersion,
    kind,
    namespace,
    name,
    ...(archivedAs === undefined ? {} : { archivedAs }),
    outcome: written.deletedUid !== undefined && written.outcome === "created" ? "recreated" : written.outcome,
    ...(written.reason === undefined ? {} : { reason: written.reason }),
    ...(written.message === undefined ? {} : { message: written.message }),
    ...listed(warnings, errors),
    ...(written.before === undefined ? {} : undoGuards(written.before)),
    ...object,
    ...(written.deletedUid === undefined ? {} : { deletedUid: written.deletedUid }),
  };
}

function undoGuards({ uid, resourceVersion, content, deletedUid }: ObjectRecord): Partial<ObjectRecord> {
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(content === undefined ? {} : { content }),
    ...(deletedUid === undefined ? {} : { deletedUid }),
  };
}
