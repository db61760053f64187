/**
 * Brings a cluster to a recorded state: what is there and not recorded is deleted, what is recorded and different is
 * written. A recording tells what was done between two restores of one scenario by nothing else.
 */
import type { KubeObject } from "../../src/api/object.ts";
import { isCoded } from "../../src/errors.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { compareDump, matchesText, nameOfObject } from "./restore-compare.ts";
import { dump, type LiveObject } from "./restore-dump.ts";

/** The cluster, and a client that may do everything. */
interface World {
  readonly cluster: TestCluster;
  readonly admin: KubeClient;
}

/** What stands there besides the objects of these keys. */
export async function newObjects(kube: KubeClient, baseline: ReadonlySet<string>): Promise<LiveObject[]> {
  return [...(await dump(kube))].filter(([key]) => !baseline.has(key)).map(([, live]) => live);
}

/** `baseline`: keys of what stood there before the scenario. */
export async function bringTo(
  world: World,
  baseline: ReadonlySet<string>,
  recorded: readonly KubeObject[],
): Promise<void> {
  await deleteSurplus(world, baseline, recorded);
  const live = new Map((await newObjects(world.admin, baseline)).map((each) => [nameOfObject(each.object), each]));
  for (const object of recorded.toSorted((a, b) => turnOf(b) - turnOf(a))) {
    const own = live.get(nameOfObject(object));
    if (own !== undefined) await rewrite(world, object, own);
    else if (isWrittenByPeople(object)) await world.cluster.create(withoutStatus(object));
  }
}

/** Another object of that name where the one that stands there can't become what was recorded. */
async function rewrite({ cluster, admin }: World, recorded: KubeObject, { served, object }: LiveObject): Promise<void> {
  const isDifferent = compareDump([recorded], [{ resource: "", served, object }]).some(
    (difference) => difference.type === "field" && !difference.path.startsWith("/status"),
  );
  if (!isDifferent) return;
  const wanted = asRecorded(recorded, object) as KubeObject;
  try {
    await admin.replace(served, {
      ...wanted,
      status: object.status,
      metadata: { ...object.metadata, ...marksOf(wanted) },
    });
  } catch (error) {
    if (!isCoded(error, "KubeRejected")) throw error;
    const { kind, metadata } = object;
    await cluster.delete(served.group === "" ? kind : `${kind}.${served.group}`, metadata.namespace, metadata.name);
    await cluster.create(withoutStatus(recorded));
  }
}

/** The recorded value, where it is one: placeholders stand for what was assigned, and here is assigned already. */
function asRecorded(recorded: unknown, live: unknown): unknown {
  if (typeof recorded === "string" && /<[^<>]*>/.test(recorded)) return live ?? recorded;
  if (Array.isArray(recorded))
    return recorded.map((item, index) => asRecorded(item, Array.isArray(live) ? live[index] : undefined));
  if (typeof recorded !== "object" || recorded === null) return recorded;
  return Object.fromEntries(
    Object.entries(recorded).map(([key, value]) => [key, asRecorded(value, (live as Record<string, unknown>)?.[key])]),
  );
}

/** What a dump keeps of metadata and a person may change. */
function marksOf({ metadata }: KubeObject): object {
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  return { labels, annotations, finalizers, ownerReferences };
}

/** Generated names and what an owner makes come by themselves. */
function isWrittenByPeople({ metadata }: KubeObject): boolean {
  return (
    !metadata.name.includes("<") && metadata.ownerReferences === undefined && metadata.deletionTimestamp === undefined
  );
}

function withoutStatus({ status: _status, ...object }: KubeObject): KubeObject {
  return object as KubeObject;
}

async function deleteSurplus(
  { cluster, admin }: World,
  baseline: ReadonlySet<string>,
  recorded: readonly KubeObject[],
): Promise<void> {
  const wanted = recorded.map(nameOfObject);
  const surplus = (await newObjects(admin, baseline)).filter(
    ({ object }) => !wanted.some((name) => matchesText(name, nameOfObject(object))),
  );
  const namespaces = new Set(
    surplus.filter(({ object }) => object.kind === "Namespace").map(({ object }) => object.metadata.name),
  );
  for (const live of surplus) if (isHeldByNobody(live.object)) await dropFinalizers(admin, live);
  const goesAlone = surplus.filter(({ object }) => !namespaces.has(object.metadata.namespace ?? ""));
  for (const live of goesAlone.sort((a, b) => turnOf(a.object) - turnOf(b.object))) {
    const { kind, metadata } = live.object;
    const group = live.served.group;
    await cluster.delete(group === "" ? kind : `${kind}.${group}`, metadata.namespace, metadata.name);
  }
}

/** Finalizers of the scenario's own: no controller here ever takes them off. */
function isHeldByNobody({ metadata }: KubeObject): boolean {
  return (metadata.finalizers ?? []).some(
    (finalizer) => finalizer.includes("/") && !/kubernetes\.io\//.test(finalizer),
  );
}

/** A namespace takes its claims along, a claim its volume, and a volume is reclaimed by its class. */
const LAST_KINDS = ["Namespace", "PersistentVolume", "StorageClass", "CustomResourceDefinition"];

function turnOf({ kind }: KubeObject): number {
  return LAST_KINDS.indexOf(kind);
}

async function dropFinalizers(kube: KubeClient, { served, object }: LiveObject): Promise<void> {
  const key = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  await kube.patch(served, key, { type: "merge", body: { metadata: { finalizers: null } } }).catch(() => undefined);
}
