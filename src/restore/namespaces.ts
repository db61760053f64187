/** Target namespaces: made on first need, from the archived one where there is one, and never changed where they exist. */
import { parseJson } from "../api/json.ts";
import type { GroupVersionResource, KubeObject } from "../api/object.ts";
import type { PlanEntry } from "../report/plan.ts";
import { compareKeys } from "../storage/index-row.ts";
import { isCreatedBy } from "./creator.ts";
import { type LiveObject, liveObjects } from "./live.ts";
import { targetNamespaceOf } from "./options.ts";
import type { RestoreSession } from "./session.ts";
import { stripServerFields } from "./strip.ts";
import type { PlannedItem } from "./types.ts";

/** The endpoint of namespaces. */
export const NAMESPACES: GroupVersionResource = { group: "", version: "v1", resource: "namespaces" };

/**
 * The creation of the namespaces that objects of these source namespaces need; none for those that exist or were planned
 * before, or for "".
 */
export async function planNamespacesOf(session: RestoreSession, sources: Iterable<string>): Promise<PlannedItem[]> {
  const { facts, deps, options, request } = session;
  const sourceOf = new Map<string, string>();
  for (const source of sources) {
    const target = targetNamespaceOf(options, source);
    if (source !== "" && !facts.namespaces.has(target) && !sourceOf.has(target)) sourceOf.set(target, source);
  }
  if (sourceOf.size === 0) return [];
  const keys = [...sourceOf.keys()].map((name) => ({ namespace: "", name })).sort(compareKeys);
  const live = liveObjects(deps.kube, NAMESPACES, keys, request.signal);
  const found = new Map((await live.at(keys)).map((object, index) => [keys[index]?.name, object]));
  await live.close();
  const items: PlannedItem[] = [];
  for (const [target, source] of sourceOf) {
    facts.namespaces.add(target);
    const there = found.get(target);
    const isTerminating = there?.metadata.deletionTimestamp !== undefined;
    if (there !== undefined && !isTerminating) {
      if (isOwnWork(session, there)) items.push(planMade(source, target));
      continue;
    }
    facts.newNamespaces.add(target);
    items.push(await planNamespace(session, source, target, isTerminating));
  }
  return items;
}

/** True for a namespace that an earlier attempt of this run made: it has no labels of the run to be known by. */
function isOwnWork({ request: { mayResume, run } }: RestoreSession, live: LiveObject): boolean {
  return mayResume === true && isCreatedBy(run, live.whole());
}

function placeEntry(source: string, target: string): Omit<PlanEntry, "action"> {
  const archivedAs = source === target ? {} : { archivedAs: source };
  return { resource: "namespaces", apiVersion: "v1", kind: "Namespace", namespace: "", name: target, ...archivedAs };
}

function planMade(source: string, target: string): PlannedItem {
  const told = { action: "unchanged", reason: "Resumed", message: "made by this very run" } as const;
  return { entry: { ...placeEntry(source, target), ...told }, gvr: NAMESPACES, resumedAs: "created" };
}

async function planNamespace(
  session: RestoreSession,
  source: string,
  target: string,
  isTerminating: boolean,
): Promise<PlannedItem> {
  const warnings = isTerminating ? { warnings: ["is being deleted: the restore waits until it is gone"] } : {};
  return {
    entry: { ...placeEntry(source, target), action: "create", ...warnings },
    gvr: NAMESPACES,
    desired: await namespaceFor(session, source, target),
    barrier: true,
  };
}

async function namespaceFor(session: RestoreSession, source: string, target: string): Promise<KubeObject> {
  const { backup } = session.request;
  const row = await backup.row("namespaces", { namespace: "", name: source });
  if (row === undefined) return { apiVersion: "v1", kind: "Namespace", metadata: { name: target } };
  const { object } = stripServerFields(parseJson(await backup.read(row)) as KubeObject);
  const labels =
    object.metadata.labels === undefined
      ? {}
      : { labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": target } };
  return { ...object, metadata: { ...object.metadata, ...labels, name: target } };
}
