/**
 * The way back from a restore: what it created is deleted, by uid and only if nobody changed it since; what it changed
 * returns to the safety copy made before. Planned like a restore, and written by the same hands.
 */
import { formatKey, groupResource, type KubeObject, type ObjectKey, parseApiVersion } from "../api/object.ts";
import { keepingPause } from "../gitops/pause-change.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { type LiveObject, liveObjects } from "./live.ts";
import { withOwnership } from "./owned.ts";
import { livingOwners } from "./owners.ts";
import { type ItemPlace, planStop } from "./plan.ts";
import { type SafetyCopy, safetyCopies } from "./safety-copies.ts";
import type { RestoreSession } from "./session.ts";
import { stripServerFields } from "./strip.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";
import { planUndoItem } from "./undo-plan.ts";
import { inRestoreOrder, type ResourceRecords, type WrittenRecords } from "./undo-records.ts";

/** What an undo needs to know of the restore it undoes. */
export interface UndoSource {
  /** Its records, as its sink was given them. */
  readonly records: AsyncIterable<ObjectRecord> | Iterable<ObjectRecord>;
  /** The safety backup of that run; undefined where it touched nothing that existed. */
  readonly safety: BackupReader | undefined;
  /** Goes on where an object was changed since the restore. */
  readonly force: boolean;
  /** Only what the restore created is deleted; all else is left as it is. */
  readonly createdOnly?: boolean;
}

/** One object of an undo. */
export interface UndoItem {
  readonly record: ObjectRecord;
  readonly item: PlannedItem;
}

/** One step of an undo: objects of one resource, which may be written side by side. */
export interface UndoStep {
  readonly resource: string;
  /** Some objects at a time. */
  readonly windows: AsyncGenerator<readonly UndoItem[]>;
}

type Source = Pick<UndoSource, "safety" | "force">;

/** Objects whose copies are held at once. */
const WINDOW = 256;

/**
 * Plans every object that the run wrote. First what stands there, in reverse restore order: whatever intercepts writes
 * goes first, namespaces last. Then what is missing, in restore order. Each step looks at the cluster when it is read:
 * read the next when the writes of this one are done.
 */
export async function* undoSteps(
  session: RestoreSession,
  source: Source,
  written: WrittenRecords,
): AsyncGenerator<UndoStep> {
  const missing = [...written.deleted];
  for (const step of written.left) {
    const putAside = (record: ObjectRecord): void => void missing.push(record);
    yield { resource: step.resource, windows: standing(planRecords(session, source, step), putAside) };
  }
  for (const step of inRestoreOrder(missing))
    yield { resource: step.resource, windows: planRecords(session, source, step) };
}

/** The items but those that are to be created. */
async function* standing(
  windows: AsyncGenerator<readonly UndoItem[]>,
  putAside: (record: ObjectRecord) => void,
): AsyncGenerator<readonly UndoItem[]> {
  for await (const window of windows) {
    for (const { item, record } of window) if (item.entry.action === "create") putAside(record);
    yield window.filter(({ item }) => item.entry.action !== "create");
  }
}

async function* planRecords(
  session: RestoreSession,
  source: Source,
  { resource, records }: ResourceRecords,
): AsyncGenerator<readonly UndoItem[]> {
  for (const group of Map.groupBy(records, ({ apiVersion }) => apiVersion).values()) {
    const [first] = group;
    if (first === undefined) continue;
    const live = liveObjects(session.deps.kube, placeOf(session, first).gvr, group, session.request.signal);
    try {
      for (let start = 0; start < group.length; start += WINDOW) {
        const window = group.slice(start, start + WINDOW);
        const found = await live.at(window);
        const copies = source.safety === undefined ? new Map() : await safetyCopies(source.safety, resource, window);
        const planned: UndoItem[] = [];
        for (const [index, record] of window.entries()) {
          const copy = copies.get(formatKey(keyOf(record)));
          const item = await planRecord(session, { record, copy, force: source.force }, found[index]);
          planned.push({ record, item });
        }
        yield planned;
      }
    } finally {
      await live.close();
    }
  }
}

async function planRecord(
  session: RestoreSession,
  {
    record,
    copy,
    force,
  }: { readonly record: ObjectRecord; readonly copy: SafetyCopy | undefined; readonly force: boolean },
  live: LiveObject | undefined,
): Promise<PlannedItem> {
  const place = placeOf(session, record);
  if (copy?.type === "unreadable") {
    const message = `its copy in the safety backup can't be read: ${copy.why}; restore it from another backup`;
    return planStop(place, "fail", "Unreadable", message);
  }
  const before = copy === undefined ? undefined : stripServerFields(copy.object).object;
  const planned = async (
    now: KubeObject | undefined,
    whole: () => KubeObject | undefined = () => now,
  ): Promise<PlannedItem> => {
    const back = before === undefined ? undefined : keepingPause(before, now);
    const item = planUndoItem({ place, record, copy: back, force }, now);
    const owned = copy === undefined ? item : await withLivingOwners(session, item, copy.object);
    return { ...withOwnership(session, owned, whole), exact: true, replan: (later) => planned(later) };
  };
  return await planned(live?.object(), () => live?.whole());
}

/** What is created again gets its owners that are there still: it would be collected at once with one that is not. */
async function withLivingOwners(session: RestoreSession, item: PlannedItem, copy: KubeObject): Promise<PlannedItem> {
  const { desired, entry } = item;
  if (desired === undefined || (entry.action !== "create" && entry.action !== "recreate")) return item;
  const owners = await livingOwners(session, copy);
  if (owners.length === 0) return item;
  return { ...item, desired: { ...desired, metadata: { ...desired.metadata, ownerReferences: owners } } };
}

function placeOf(session: RestoreSession, record: ObjectRecord): ItemPlace {
  const { group, version } = parseApiVersion(record.apiVersion);
  const target = keyOf(record);
  const served = session.facts.discovery.resources.find(
    (each) => groupResource(each) === record.resource && each.version === version,
  );
  const gvr = served ?? { group, version, resource: record.resource.split(".")[0] ?? record.resource };
  return { resource: record.resource, gvr, kind: record.kind, apiVersion: record.apiVersion, source: target, target };
}

function keyOf({ namespace, name }: ObjectRecord): ObjectKey {
  return { namespace, name };
}
