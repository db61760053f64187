/** Plans one resource after the other: rows of the archive beside a listing of the cluster, a window at a time. */

import { contentDigest } from "../api/digest.ts";
import { parseJson } from "../api/json.ts";
import { apiVersionOf, formatKey, type GroupVersionResource, type KubeObject, type ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { IndexRow } from "../storage/index-row.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import { hasHandler } from "./kinds/registry.ts";
import { serviceAccountOf } from "./kinds/service-account.ts";
import { type LiveObjects, liveObjects } from "./live.ts";
import { missingRelated } from "./missing-related.ts";
import { planNamespace, planNamespaces } from "./namespaces.ts";
import { orderResources } from "./order.ts";
import { type ItemPlace, planCollision, planEqual, planItem, planStop, rowStandsIn, wasMadeByRun } from "./plan.ts";
import { type RestoreSession, servedAt, servedVersions } from "./session.ts";
import { touchedBy } from "./touched.ts";
import type { PlannedItem } from "./types.ts";

const CRDS = "customresourcedefinitions.apiextensions.k8s.io";
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

/** Plans every selected object of one resource, in the order of places; the namespaces they need come before them. */
export async function* planResource(session: RestoreSession, resource: string): AsyncGenerator<PlannedItem> {
  if (resource === "namespaces") {
    yield* planNamespaces(session);
    return;
  }
  const candidates = await candidatesOf(session, resource);
  const byVersion = Map.groupBy(candidates, (candidate) => candidate.row.version);
  for (const [version, group] of byVersion) yield* planVersion(session, resource, version, group);
}

async function* planVersion(
  session: RestoreSession,
  resource: string,
  version: string,
  candidates: readonly Candidate[],
): AsyncGenerator<PlannedItem> {
  const served = servedAt(session.facts.discovery, resource, version);
  const coming = session.facts.comingResources.has(resource);
  if (served === undefined && !coming) {
    const other = await inServedVersion(session, resource, candidates);
    if (other !== undefined) yield* planCandidates(session, resource, other);
    else yield* planUnserved(session, resource, version, candidates);
    return;
  }
  const gvr = served ?? { ...splitResource(resource), version };
  yield* planCandidates(session, resource, { gvr, candidates, served: served !== undefined });
}

interface Batch {
  readonly gvr: GroupVersionResource;
  readonly candidates: readonly Candidate[];
  /** False: a CRD of this very plan will serve it, nothing can be there yet. */
  readonly served: boolean;
}

async function* planCandidates(session: RestoreSession, resource: string, batch: Batch): AsyncGenerator<PlannedItem> {
  const { kube } = session.deps;
  const { signal } = session.request;
  const keys = batch.candidates.map((candidate) => candidate.target);
  const live: LiveObjects = batch.served ? liveObjects(kube, batch.gvr, keys, signal) : { get: async () => undefined };
  let earlier: PlannedItem | undefined;
  for (let start = 0; start < batch.candidates.length; start += WINDOW) {
    const window = batch.candidates.slice(start, start + WINDOW);
    for (const { row } of window) {
      const namespace = await planNamespace(session, row.namespace);
      if (namespace !== undefined) yield namespace;
    }
    for await (const item of planWindow(session, resource, batch.gvr, await withLive(window, live))) {
      const collides = earlier !== undefined && samePlace(earlier, item);
      const alone = collides && earlier !== undefined ? planCollision(session.rules, item, earlier) : item;
      const planned = await asCopied(session, alone);
      learn(session, planned);
      yield planned;
      if (!collides) earlier = planned;
    }
  }
}

/** Holds an object back that changed after the safety backup copied it: an undo could not return it. */
async function asCopied(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { safety } = session.request;
  const touched = safety === undefined ? undefined : touchedBy(item);
  if (safety === undefined || touched === undefined || item.liveDigest === undefined) return item;
  const row = await safety.row(touched.resource, touched.key);
  if (row?.content === item.liveDigest()) return item;
  // The cluster fills a new namespace itself (kube-root-ca.crt, ServiceAccount default): an undo takes the namespace.
  if (row === undefined && isMadeHere(session, touched.key.namespace)) return item;
  const place = `${touched.resource} ${formatKey(touched.key)}`;
  const message =
    row === undefined
      ? `${place} appeared after the safety backup: run the plan again`
      : `${place} changed after the safety backup: run the plan again`;
  const { changes: _changes, ...entry } = item.entry;
  return { entry: { ...entry, action: "fail", reason: "ChangedSince", message }, gvr: item.gvr };
}

function isMadeHere(session: RestoreSession, namespace: string): boolean {
  const before = session.request.recorded?.("namespaces", { namespace: "", name: namespace });
  return session.facts.newNamespaces.has(namespace) || before?.outcome === "created";
}

interface Pending {
  readonly candidate: Candidate;
  readonly live: KubeObject | undefined;
}

async function withLive(window: readonly Candidate[], live: LiveObjects): Promise<Pending[]> {
  const pending: Pending[] = [];
  for (const candidate of window) pending.push({ candidate, live: await live.get(candidate.target) });
  return pending;
}

async function* planWindow(
  session: RestoreSession,
  resource: string,
  gvr: GroupVersionResource,
  window: readonly Pending[],
): AsyncGenerator<PlannedItem> {
  const handled = hasHandler(resource);
  const places = window.map(({ candidate }) => placeOf(resource, gvr, candidate));
  const equal = window.map(({ candidate, live }, index) => {
    const place = places[index];
    return (
      live !== undefined &&
      place !== undefined &&
      rowStandsIn(session.rules, place, handled) &&
      !wasMadeByRun(session.rules, live) &&
      contentDigest(live) === candidate.row.content
    );
  });
  const bodies = await readBodies(
    session,
    window.filter((_, index) => equal[index] !== true).map(({ candidate }) => candidate.row),
  );
  for (const [index, { candidate, live }] of window.entries()) {
    const place = places[index];
    if (place === undefined) continue;
    const item =
      equal[index] === true && live !== undefined
        ? planEqual(session.rules, place, live)
        : await planBody(session, place, bodies.get(candidate.row), live);
    yield live === undefined ? item : { ...item, liveDigest: () => contentDigest(live) };
  }
}

async function planBody(
  session: RestoreSession,
  place: ItemPlace,
  body: Buffer | undefined,
  live: KubeObject | undefined,
): Promise<PlannedItem> {
  let archived: KubeObject;
  try {
    archived = parseJson(body ?? "") as KubeObject;
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
  const byKey = new Map(rows.map((row) => [formatKey(row), row]));
  for await (const { row, body } of session.request.backup.readMany(rows)) {
    bodies.set(byKey.get(formatKey(row)) ?? row, body);
  }
  return bodies;
}

/** Facts about the cluster that a handler will ask for. */
async function lookUp(session: RestoreSession, place: ItemPlace, archived: KubeObject): Promise<void> {
  const account = place.resource === "secrets" ? serviceAccountOf(archived) : "";
  if (account === "") return;
  const key: ObjectKey = { namespace: place.target.namespace, name: account };
  if (session.facts.serviceAccounts.has(formatKey(key))) return;
  const gvr = { group: "", version: "v1", resource: "serviceaccounts" };
  const { request, deps, selection } = session;
  const archivedKey = { namespace: place.source.namespace, name: account };
  const planned =
    selection.includes("serviceaccounts", archivedKey) &&
    (await request.backup.row("serviceaccounts", archivedKey)) !== undefined;
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

/** The same objects in a version the cluster does serve, where the archive holds them so. */
async function inServedVersion(
  session: RestoreSession,
  resource: string,
  candidates: readonly Candidate[],
): Promise<Batch | undefined> {
  const versions = servedVersions(session.facts.discovery, resource);
  if (versions.length === 0) return undefined;
  const wanted = new Map(candidates.map((candidate) => [formatKey(candidate.row), candidate]));
  const found = new Map<string, Candidate[]>();
  for await (const row of session.request.backup.rows(resource, { versions: "all" })) {
    const candidate = wanted.get(formatKey(row));
    if (candidate === undefined || row.versionFolder === undefined) continue;
    found.set(row.version, [...(found.get(row.version) ?? []), { ...candidate, row }]);
  }
  const gvr = versions.find((served) => found.get(served.version)?.length === candidates.length);
  return gvr === undefined ? undefined : { gvr, candidates: found.get(gvr.version) ?? [], served: true };
}

async function* planUnserved(
  session: RestoreSession,
  resource: string,
  version: string,
  candidates: readonly Candidate[],
): AsyncGenerator<PlannedItem> {
  const versions = servedVersions(session.facts.discovery, resource).map((served) => served.version);
  const gvr = { ...splitResource(resource), version };
  const message =
    versions.length === 0
      ? `the cluster does not serve ${resource}: install its CRD, or restore it too (includeClusterResources: true)`
      : `archived as ${apiVersionOf(gvr)}, and the cluster serves only ${versions.join(", ")}: back up again with all versions, or restore into a cluster that serves it`;
  for (const candidate of candidates) {
    const namespace = await planNamespace(session, candidate.row.namespace);
    if (namespace !== undefined) yield namespace;
    yield planStop(placeOf(resource, gvr, candidate), "fail", "NotServed", message);
  }
}

function placeOf(resource: string, gvr: GroupVersionResource, { row, target }: Candidate): ItemPlace {
  const source = { namespace: row.namespace, name: row.name };
  return { resource, gvr, kind: row.kind, apiVersion: apiVersionOf(gvr), source, target };
}

function splitResource(resource: string): { group: string; resource: string } {
  const dot = resource.indexOf(".");
  return dot < 0 ? { group: "", resource } : { group: resource.slice(dot + 1), resource: resource.slice(0, dot) };
}

function samePlace(a: PlannedItem, b: PlannedItem): boolean {
  return (
    a.entry.namespace === b.entry.namespace && a.entry.name === b.entry.name && a.entry.resource === b.entry.resource
  );
}
