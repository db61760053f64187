/**
 * The way back from a restore: what it created is deleted, by uid and only if nobody changed it since; what it changed
 * returns to the safety copy made before. Planned like a restore, and written by the same hands.
 */
import { parseJson } from "../api/json.ts";
import { groupResource, type KubeObject, parseApiVersion } from "../api/object.ts";
import { keepingPause, withoutPause } from "../gitops/pause-change.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { differenceOf, guardedPatch } from "./changes.ts";
import { identity, versionOf } from "./existing.ts";
import { orderResources } from "./order.ts";
import { withOwnership } from "./owned.ts";
import { type ItemPlace, placeEntry, planStop } from "./plan.ts";
import type { RestoreSession } from "./session.ts";
import { settledContent } from "./settled-content.ts";
import { stripServerFields } from "./strip.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";

/** What an undo needs to know of the restore it undoes. */
export interface UndoSource {
  /** Its records, as its sink was given them. */
  readonly records: AsyncIterable<ObjectRecord> | Iterable<ObjectRecord>;
  /** The safety backup of that run; undefined where it touched nothing that existed. */
  readonly safety: BackupReader | undefined;
  /** Goes on where an object was changed since the restore. */
  readonly force: boolean;
}

const WRITTEN: ReadonlySet<string> = new Set(["created", "patched", "labelled", "recreated", "failed"]);

/** Plans every object that the run wrote, in reverse restore order; created namespaces go last. */
export async function* planUndo(session: RestoreSession, source: UndoSource): AsyncGenerator<PlannedItem> {
  const byResource = new Map<string, ObjectRecord[]>();
  for await (const record of source.records) {
    if (!WRITTEN.has(record.outcome) || (record.uid ?? record.deletedUid) === undefined) continue;
    byResource.set(record.resource, [...(byResource.get(record.resource) ?? []), record]);
  }
  const made = new Set((byResource.get("namespaces") ?? []).filter(isCreated).map(({ name }) => name));
  const order = orderResources(byResource.keys()).reverse();
  const namespacesLast = [...order.filter((resource) => resource !== "namespaces"), "namespaces"];
  for (const resource of namespacesLast) {
    for (const record of byResource.get(resource) ?? []) {
      // What the cluster itself put into a namespace of the restore goes with it.
      if (made.has(record.namespace) && !isCreated(record)) continue;
      yield await planRecord(session, source, record);
    }
  }
}

function isCreated({ outcome }: ObjectRecord): boolean {
  return outcome === "created";
}

async function planRecord(session: RestoreSession, source: UndoSource, record: ObjectRecord): Promise<PlannedItem> {
  const place = placeOf(session, record);
  const copy = await copyOf(source, record, place);
  const planned = (live: KubeObject | undefined): PlannedItem => {
    const isNew = record.outcome === "created" && copy === undefined;
    const back = copy === undefined ? undefined : keepingPause(copy, live);
    const item = isNew
      ? planDelete(place, record, live, source.force)
      : planReturn(place, { record, copy: back, force: source.force }, live);
    return { ...withOwnership(session, item, () => live), exact: true, replan: planned };
  };
  return planned(await session.deps.kube.get(place.gvr, place.target, session.request.signal));
}

/** The object as it was before the restore; undefined where the safety backup does not hold it. */
async function copyOf({ safety }: UndoSource, record: ObjectRecord, place: ItemPlace): Promise<KubeObject | undefined> {
  const row = await safety?.row(record.resource, place.target);
  if (row === undefined || safety === undefined) return undefined;
  return stripServerFields(withoutPause(parseJson(await safety.read(row)) as KubeObject)).object;
}

function planDelete(place: ItemPlace, record: ObjectRecord, live: KubeObject | undefined, force: boolean): PlannedItem {
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) {
    return planStop(place, "unchanged", "GoneSince", "was deleted since the restore");
  }
  if (live.metadata.uid !== record.uid)
    return planStop(place, "fail", "Replaced", "is another object of that name: the restored one was deleted since");
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
    barrier: place.resource === "namespaces",
  };
}

function changedSince(place: ItemPlace): PlannedItem {
  const message =
    "was changed since the restore, so it is left as it is: look at it, and undo with --force (source.force) to lose the change";
  return planStop(place, "fail", "ChangedSince", message);
}

interface Return {
  readonly record: ObjectRecord;
  readonly copy: KubeObject | undefined;
  readonly force: boolean;
}

function planReturn(place: ItemPlace, { record, copy, force }: Return, live: KubeObject | undefined): PlannedItem {
  if (copy === undefined) {
    return planStop(place, "fail", "CopyMissing", "the safety backup does not hold it: restore it from another backup");
  }
  // Without a uid the restore wrote nothing there: it only sent a deletion.
  const isDeleted = record.uid === undefined;
  if (live === undefined) {
    const message = isDeleted
      ? "the restore deleted it and could not create it again"
      : "was deleted since the restore";
    return { entry: { ...placeEntry(place), action: "create", message }, gvr: place.gvr, desired: copy };
  }
  if (live.metadata.uid !== (record.uid ?? record.deletedUid))
    return planStop(place, "fail", "Replaced", "is another object of that name: the restored one was deleted since");
  if (live.metadata.deletionTimestamp !== undefined)
    return planStop(place, "fail", "Terminating", "is being deleted: wait until it is gone, and undo again");
  const { operations, changes } = differenceOf(live, copy);
  if (operations.length === 0) return planStop(place, "unchanged", "Returned", "is as it was before the restore");
  if (!force && (isDeleted || isChanged(record, live))) return changedSince(place);
  const entry = { ...placeEntry(place), changes };
  if (record.outcome === "recreated" || record.outcome === "created") {
    return {
      entry: { ...entry, action: "recreate", message: "the restore recreated it", ...identity(live) },
      gvr: place.gvr,
      ...versionOf(live),
      desired: copy,
    };
  }
  const write = guardedPatch(live, copy, operations);
  return { entry: { ...entry, action: "patch" }, gvr: place.gvr, ...write, desired: copy };
}

/** Controllers and the API server fill in what they own all day; that is no change of anybody's. */
function isChanged(record: ObjectRecord, live: KubeObject): boolean {
  if (record.resource === "namespaces" || live.metadata.resourceVersion === record.resourceVersion) return false;
  // The record of a Secret holds no digest: any write since may have changed it.
  if (record.content === undefined) return record.resource === "secrets";
  return record.content !== settledContent(record.resource, live);
}

function placeOf(session: RestoreSession, record: ObjectRecord): ItemPlace {
  const { group, version } = parseApiVersion(record.apiVersion);
  const target = { namespace: record.namespace, name: record.name };
  const served = session.facts.discovery.resources.find(
    (each) => groupResource(each) === record.resource && each.version === version,
  );
  const gvr = served ?? { group, version, resource: record.resource.split(".")[0] ?? record.resource };
  return { resource: record.resource, gvr, kind: record.kind, apiVersion: record.apiVersion, source: target, target };
}
