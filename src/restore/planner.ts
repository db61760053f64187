/** Plans one resource after the other: rows of the archive beside a listing of the cluster, a window at a time. */
import { contentDigest } from "../api/digest.ts";
import { parseJson } from "../api/json.ts";
import { apiVersionOf, formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import { keepingPause } from "../gitops/pause-change.ts";
import { parseForDeciding } from "../kube/item-bytes.ts";
import type { IndexRow } from "../storage/index-row.ts";
import type { Batch, LoadedResource } from "./batches.ts";
import type { Candidate } from "./candidates.ts";
import { planCollisions } from "./collision-plan.ts";
import { asCopied } from "./copied.ts";
import { serviceAccountOf } from "./kinds/service-account.ts";
import { hasRestoreLabels } from "./labels.ts";
import type { LiveObject } from "./live.ts";
import { missingRelated } from "./missing-related.ts";
import { planNamespacesOf } from "./namespaces.ts";
import { CRDS, orderResources } from "./order.ts";
import { withOwnership } from "./owned.ts";
import { type ItemPlace, planEqual, planItem, planStop, rowStandsIn } from "./plan.ts";
import type { RestoreSession } from "./session.ts";
import type { PlannedItem } from "./types.ts";

/** Objects whose bodies are held at once. */
const WINDOW = 256;

/** The resources of a restore, in order. */
export async function resourcesInOrder(session: RestoreSession): Promise<string[]> {
  const resources = await session.request.backup.resources();
  return orderResources(
    resources.filter((resource) => session.selection.includesResource(resource)),
    session.options.priorities,
  );
}

/**
 * Plans every selected object of one resource, in the order of places, some at a time; the namespaces they need come
 * before them.
 */
export async function* planResource(
  session: RestoreSession,
  loaded: LoadedResource,
): AsyncGenerator<readonly PlannedItem[]> {
  if (loaded.resource === "namespaces") {
    const names = loaded.candidates.map(({ row }) => row.name);
    // Side by side: nothing that needs them is among them, and one that is on its way out may take minutes.
    const items = await planNamespacesOf(session, names);
    yield items.map((item) => withOwnership(session, { ...item, barrier: false }));
    return;
  }
  for (const batch of await loaded.batches()) {
    try {
      yield* planBatch(session, batch);
    } finally {
      await batch.live.close();
    }
  }
}

async function* planBatch(session: RestoreSession, batch: Batch): AsyncGenerator<readonly PlannedItem[]> {
  for (let start = 0; start < batch.candidates.length; ) {
    const end = endOfWindow(batch.candidates, start);
    const window = batch.candidates.slice(start, end);
    start = end;
    const items = await planNamespacesOf(session, new Set(window.map(({ row }) => row.namespace)));
    for (const item of planCollisions(session.rules, await planWindow(session, batch, window))) {
      // What another object of this restore writes is no change that the safety backup would have to hold.
      const isHeld = session.request.safety !== undefined && item.entry.reason !== "Collision";
      const planned = isHeld ? await asCopied(session, item) : item;
      learn(session, planned);
      items.push(planned);
    }
    yield items;
  }
}

/** Objects that go to one place are planned together. */
function endOfWindow(candidates: readonly Candidate[], start: number): number {
  let end = Math.min(start + WINDOW, candidates.length);
  while (end < candidates.length && formatKey(at(end).target) === formatKey(at(end - 1).target)) end++;
  return end;

  function at(index: number): Candidate {
    return candidates[index] as Candidate;
  }
}

/** One object on its way into the plan. */
interface Pending {
  readonly candidate: Candidate;
  readonly place: ItemPlace;
  readonly live: LiveObject | undefined;
  /** It stands as it was archived, and nothing would change it on the way. */
  readonly isEqual: boolean;
}

async function planWindow(
  session: RestoreSession,
  batch: Batch,
  window: readonly Candidate[],
): Promise<readonly PlannedItem[]> {
  const { unserved } = batch;
  if (unserved !== undefined)
    return window.map((candidate) => planStop(placeOf(batch, candidate), "fail", "NotServed", unserved));
  const live = await batch.live.at(window.map(({ target }) => target));
  const pending = window.map((candidate, index) => pendingOf(session, batch, candidate, live[index]));
  const bodies = await readBodies(
    session,
    pending.filter(({ isEqual }) => !isEqual).map(({ candidate }) => candidate.row),
  );
  const items: PlannedItem[] = [];
  for (const each of pending) {
    const item =
      each.isEqual && each.live !== undefined
        ? planStanding(session, each, each.live)
        : await planBody(session, each.place, bodies.get(each.candidate.row), each.live?.object());
    const owned = withOwnership(session, item, () => each.live?.whole());
    items.push(each.live === undefined ? owned : { ...owned, liveDigest: each.live.content });
  }
  return items;
}

function pendingOf(
  session: RestoreSession,
  batch: Batch,
  candidate: Candidate,
  found: LiveObject | undefined,
): Pending {
  const place = placeOf(batch, candidate);
  const live = found === undefined ? undefined : withCreator(session, found);
  const isEqual = live !== undefined && rowStandsIn(session.rules, place, live) && live.isAs(candidate.row);
  return { candidate, place, live, isEqual };
}

/** Of what this run may have written before, the managed fields tell whether it created it; of nothing else they are read. */
function withCreator({ request, rules }: RestoreSession, live: LiveObject): LiveObject {
  if (request.mayResume !== true || !hasRestoreLabels(live, rules.labels)) return live;
  return { ...live, metadata: live.whole().metadata, object: live.whole };
}

/** Planned by its row; the body is read only where the object changes before it is written. */
function planStanding(session: RestoreSession, pending: Pending, live: Pick<KubeObject, "metadata">): PlannedItem {
  const { place, candidate } = pending;
  const replan = async (now: KubeObject | undefined): Promise<PlannedItem> =>
    now !== undefined && rowStandsIn(session.rules, place, now) && contentDigest(now) === candidate.row.content
      ? planStanding(session, pending, now)
      : await planBody(session, place, await session.request.backup.read(candidate.row), now);
  return { ...planEqual(session.rules, place, live), replan };
}

async function planBody(
  session: RestoreSession,
  place: ItemPlace,
  body: Buffer | undefined,
  live: KubeObject | undefined,
): Promise<PlannedItem> {
  let archived: KubeObject;
  try {
    archived = keepingPause(parseArchived(place, body ?? Buffer.alloc(0)), live);
  } catch (error) {
    return planStop(place, "fail", "Unreadable", `its JSON in the backup can't be read: ${messageOf(error)}`);
  }
  await lookUp(session, place, archived);
  const item = planOrStop(session, place, archived, live);
  if (item.entry.action === "skip" && item.desired === undefined && item.entry.reason === "Finished") return item;
  const missing = await missingRelated(session, place, archived);
  if (missing.length === 0) return item;
  return {
    ...item,
    entry: { ...item.entry, warnings: [...(item.entry.warnings ?? []), ...missing.map(({ message }) => message)] },
    missing,
  };
}

/** Managed fields are a third of an object, and few restores need them: those of Services and of server-side appliers. */
function parseArchived(place: ItemPlace, body: Buffer): KubeObject {
  const isWhole = place.resource === "services" || body.includes('"Apply"');
  return isWhole ? (parseJson(body) as KubeObject) : parseForDeciding(body);
}

/** An object whose shape nobody foresaw fails by itself; the others are restored. */
function planOrStop(
  session: RestoreSession,
  place: ItemPlace,
  archived: KubeObject,
  live: KubeObject | undefined,
): PlannedItem {
  try {
    return planItem(session.rules, place, archived, live);
  } catch (error) {
    return planStop(place, "fail", "PreparationFailed", `it can't be prepared: ${messageOf(error)}`);
  }
}

/** Bodies of a window by row; each member of the archive is read once. */
async function readBodies(session: RestoreSession, rows: readonly IndexRow[]): Promise<Map<IndexRow, Buffer>> {
  const bodies = new Map<IndexRow, Buffer>();
  if (rows.length === 0) return bodies;
  for await (const { row, body } of session.request.backup.readMany(rows)) bodies.set(row, body);
  return bodies;
}

/** Facts about the cluster that a handler will ask for. */
async function lookUp(session: RestoreSession, place: ItemPlace, archived: KubeObject): Promise<void> {
  const account = place.resource === "secrets" ? serviceAccountOf(archived) : "";
  if (account === "") return;
  const key: ObjectKey = { namespace: place.source.namespace, name: account };
  if (session.facts.serviceAccounts.has(formatKey(key))) return;
  const gvr = { group: "", version: "v1", resource: "serviceaccounts" };
  const { request, deps, selection } = session;
  const planned =
    place.target.namespace === place.source.namespace &&
    selection.includes("serviceaccounts", key) &&
    (await request.backup.row("serviceaccounts", key)) !== undefined;
  if (planned || (await deps.kube.get(gvr, key, request.signal)) !== undefined)
    session.facts.serviceAccounts.add(formatKey(key));
}

/** What later steps must know of an item. */
function learn(session: RestoreSession, item: PlannedItem): void {
  const { resource, name, action, reason } = item.entry;
  if (resource === CRDS && action !== "fail" && action !== "skip") session.facts.comingResources.add(name);
  if (resource === "persistentvolumes" && reason === "DynamicVolume") session.facts.dynamicVolumes.add(name);
  if (resource === "storageclasses.storage.k8s.io" && action === "create") session.facts.storageClasses.add(name);
}

function placeOf({ resource, gvr }: Batch, { row, target }: Candidate): ItemPlace {
  return { resource, gvr, kind: row.kind, apiVersion: apiVersionOf(gvr), source: row, target };
}
