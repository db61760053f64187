/**
 * The way back from a restore: what it created is deleted, by uid and only if nobody changed it since; what it changed
 * returns to the safety copy made before. Planned like a restore, and written by the same hands.
 */
import { parseJson } from "../api/json.ts";
import { groupResource, type KubeObject, parseApiVersion } from "../api/object.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { differenceOf, guarded } from "./changes.ts";
import { identity } from "./existing.ts";
import { orderResources } from "./order.ts";
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
    if (!WRITTEN.has(record.outcome) || record.uid === undefined) continue;
    byResource.set(record.resource, [...(byResource.get(record.resource) ?? []), record]);
  }
  const order = orderResources(byResource.keys()).reverse();
  const namespacesLast = [...order.filter((resource) => resource !== "namespaces"), "namespaces"];
  for (const resource of namespacesLast) {
    for (const record of byResource.get(resource) ?? []) yield await planRecord(session, source, record);
  }
}

async function planRecord(session: RestoreSession, source: UndoSource, record: ObjectRecord): Promise<PlannedItem> {
  const place = placeOf(session, record);
  const live = await session.deps.kube.get(place.gvr, place.target, session.request.signal);
  const item =
    record.outcome === "created"
      ? planDelete(place, record, live, source.force)
      : await planReturn(place, record, live, source);
  return { ...item, exact: true };
}

function planDelete(place: ItemPlace, record: ObjectRecord, live: KubeObject | undefined, force: boolean): PlannedItem {
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) {
    return planStop(place, "unchanged", "GoneSince", "was deleted since the restore");
  }
  if (live.metadata.uid !== record.uid)
    return planStop(place, "fail", "Replaced", "is another object of that name: the restored one was deleted since");
  if (!force && isChanged(record, live)) {
    return planStop(place, "fail", "ChangedSince", "was changed since the restore: look at it, then undo with force");
  }
  return {
    entry: {
      ...placeEntry(place),
      action: "delete",
      reason: "Created",
      message: "the restore created it",
      ...identity(live),
    },
    gvr: place.gvr,
    barrier: place.resource === "namespaces",
  };
}

async function planReturn(
  place: ItemPlace,
  record: ObjectRecord,
  live: KubeObject | undefined,
  source: UndoSource,
): Promise<PlannedItem> {
  const row = await source.safety?.row(record.resource, place.target);
  if (row === undefined || source.safety === undefined) {
    return planStop(place, "fail", "CopyMissing", "the safety backup does not hold it: restore it from another backup");
  }
  const { object: before } = stripServerFields(parseJson(await source.safety.read(row)) as KubeObject);
  if (live === undefined)
    return {
      entry: { ...placeEntry(place), action: "create", message: "was deleted since the restore" },
      gvr: place.gvr,
      desired: before,
    };
  if (live.metadata.uid !== record.uid)
    return planStop(place, "fail", "Replaced", "is another object of that name: the restored one was deleted since");
  const { operations, changes } = differenceOf(live, before);
  if (operations.length === 0) return planStop(place, "unchanged", "Returned", "is as it was before the restore");
  if (!source.force && isChanged(record, live)) {
    return {
      ...planStop(place, "fail", "ChangedSince", "was changed since the restore: look at it, then undo with force"),
    };
  }
  const entry = { ...placeEntry(place), changes };
  if (record.outcome === "recreated") {
    return {
      entry: { ...entry, action: "recreate", message: "the restore recreated it", ...identity(live) },
      gvr: place.gvr,
      desired: before,
    };
  }
  return {
    entry: { ...entry, action: "patch" },
    gvr: place.gvr,
    operations: guarded(live, operations),
    desired: before,
  };
}

/** Controllers and the API server fill in what they own all day; that is no change of anybody's. */
function isChanged(record: ObjectRecord, live: KubeObject): boolean {
  if (record.resource === "namespaces" || live.metadata.resourceVersion === record.resourceVersion) return false;
  return record.content !== undefined && record.content !== settledContent(record.resource, live);
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
