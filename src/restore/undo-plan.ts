/** The way back of one object, from what the run recorded, its copy, and what stands there now. Pure. */
import type { KubeObject } from "../api/object.ts";
import { differenceOf, plannedWrite } from "./changes.ts";
import { identity, versionOf } from "./existing.ts";
import { type ItemPlace, placeEntry, planStop } from "./plan.ts";
import { settledContent } from "./settled-content.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";

/** What is known of one object that a run wrote. */
export interface Undoing {
  readonly place: ItemPlace;
  readonly record: ObjectRecord;
  /** The object as it was before the run, without what the server owns; undefined where the safety backup lacks it. */
  readonly copy: KubeObject | undefined;
  /** Goes on where the object was changed since. */
  readonly force: boolean;
}

/** What the run created is deleted; what it changed returns to its copy. */
export function planUndoItem(undoing: Undoing, live: KubeObject | undefined): PlannedItem {
  const { record, copy } = undoing;
  if (record.outcome === "created" && copy === undefined) return planDelete(undoing, live);
  return copy === undefined
    ? planStop(
        undoing.place,
        "fail",
        "CopyMissing",
        "the safety backup does not hold it: restore it from another backup",
      )
    : planReturn(undoing, copy, live);
}

function planDelete({ place, record, force }: Undoing, live: KubeObject | undefined): PlannedItem {
  if (live === undefined || live.metadata.deletionTimestamp !== undefined)
    return planStop(place, "unchanged", "GoneSince", "was deleted since the restore");
  if (live.metadata.uid !== record.uid) return replaced(place);
  if (!force && isChanged(record, live)) return changedSince(place);
  return {
    entry: {
      ...placeEntry(place),
      action: "delete",
      reason: "Created",
      message: "the restore created it",
      ...identity(live),
    },
    gvr: place.gvr,
    ...versionOf(live),
  };
}

function planReturn({ place, record, force }: Undoing, copy: KubeObject, live: KubeObject | undefined): PlannedItem {
  // Without a uid the restore wrote nothing there: it only sent a deletion.
  const isOnlyDeleted = record.uid === undefined;
  if (live === undefined) {
    const message =
      record.outcome === "deleted"
        ? "the undo deleted it"
        : isOnlyDeleted
          ? "the restore deleted it and could not create it again"
          : "was deleted since the restore";
    return { entry: { ...placeEntry(place), action: "create", message }, gvr: place.gvr, desired: copy };
  }
  if (live.metadata.uid !== (record.uid ?? record.deletedUid)) return replaced(place);
  if (live.metadata.deletionTimestamp !== undefined)
    return planStop(place, "fail", "Terminating", "is being deleted: wait until it is gone, and undo again");
  const { operations, changes } = differenceOf(live, copy);
  if (operations.length === 0) return planStop(place, "unchanged", "Returned", "is as it was before the restore");
  if (!force && (isOnlyDeleted || isChanged(record, live))) return changedSince(place);
  const entry = { ...placeEntry(place), changes };
  if (record.outcome === "recreated" || record.outcome === "created") {
    return {
      entry: { ...entry, action: "recreate", message: "the restore recreated it", ...identity(live) },
      gvr: place.gvr,
      ...versionOf(live),
      desired: copy,
    };
  }
  return {
    entry: { ...entry, action: "patch" },
    gvr: place.gvr,
    ...plannedWrite(live, copy, operations),
    desired: copy,
  };
}

function replaced(place: ItemPlace): PlannedItem {
  return planStop(place, "fail", "Replaced", "is another object of that name: the restored one was deleted since");
}

function changedSince(place: ItemPlace): PlannedItem {
  const message =
    "was changed since the restore, so it is left as it is: look at it, and undo with --force (source.force) to lose the change";
  return planStop(place, "fail", "ChangedSince", message);
}

/** Controllers and the API server fill in what they own all day; that is no change of anybody's. */
function isChanged(record: ObjectRecord, live: KubeObject): boolean {
  if (record.resource === "namespaces" || live.metadata.resourceVersion === record.resourceVersion) return false;
  // The record of a Secret holds no digest: any write since may have changed it.
  if (record.content === undefined) return record.resource === "secrets";
  return record.content !== settledContent(record.resource, live);
}
