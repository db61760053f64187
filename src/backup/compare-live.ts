/** Compares a backup with the live cluster: what was added, removed or changed since. */
import { contentDigest } from "../api/digest.ts";
import { parseJson } from "../api/json.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { groupResource, type KubeObject } from "../api/object.ts";
import { parseResourcePolicy, policyOf, type ResourcePolicy } from "../api/resource-policy.ts";
import type { KubeClient, ServedResource } from "../kube/client.ts";
import { itemWithTypeMeta } from "../kube/item-bytes.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { type CompareFilter, contentChanges, type ObjectDifference, rowsIn } from "./compare.ts";
import { skipReason } from "./item-plan.ts";
import { labelledOutNamespaces, readNamespaces } from "./namespaces.ts";
import { type BackupPlan, planBackup } from "./plan.ts";
import { readPolicy } from "./prepare.ts";
import type { ScopedResource } from "./scope-plan.ts";

/**
 * What changed from the backup to the live cluster, of the kinds the backup holds or looked for. A live object counts as
 * added only where the backup's own filters would have taken it.
 */
export async function* compareWithLive(
  before: BackupReader,
  kube: KubeClient,
  filter: CompareFilter = {},
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<ObjectDifference> {
  const discovery = await kube.discovery({ signal });
  const namespaces = await readNamespaces(kube, signal);
  const labelledOut = labelledOutNamespaces(namespaces);
  const spec = before.backup.spec as BackupSpec;
  const policy = await policyOfBackup(before, kube, signal);
  const plan = planBackup({ spec, discovery, namespaces, labelledOut, policy });
  const listed = listedKinds(before, plan);
  const selects = liveSelection(plan);
  for (const name of [...new Set([...(await before.resources()), ...listed])].sort(compareUtf8)) {
    if (filter.resource !== undefined && filter.resource !== name) continue;
    const resource = discovery.resources.find((each) => each.preferred && groupResource(each) === name);
    if (filter.namespace !== undefined && resource?.namespaced === false) continue;
    yield* compareResource({ before, kube, filter, signal, selects, listed, name, resource });
  }
}

interface LiveContext {
  readonly before: BackupReader;
  readonly kube: KubeClient;
  readonly filter: CompareFilter;
  readonly signal: AbortSignal;
  readonly selects: (object: KubeObject, resource: ScopedResource) => boolean;
  /** Kinds of which all objects were asked for: a live one that the backup lacks is new. */
  readonly listed: ReadonlySet<string>;
  readonly name: string;
  /** Undefined where the cluster serves the kind no more: all its objects are removed. */
  readonly resource: ServedResource | undefined;
}

interface LiveObject {
  readonly content: string;
  readonly selected: boolean;
  readonly kind: string;
}

async function* compareResource(context: LiveContext): AsyncGenerator<ObjectDifference> {
  const { before, filter, listed, name, resource } = context;
  const live = resource === undefined ? new Map<string, LiveObject>() : await digests(context, resource);
  for await (const row of rowsIn(before, name, filter)) {
    const key = `${row.namespace}/${row.name}`;
    const difference = await compareRow(context, row, live.get(key));
    live.delete(key);
    if (difference !== undefined) yield difference;
  }
  if (!listed.has(name)) return;
  yield* [...live]
    .filter(([, object]) => object.selected)
    .map(([key, object]) => ({ type: "added" as const, resource: name, kind: object.kind, ...splitKey(key) }))
    .sort((a, b) => compareUtf8(a.namespace, b.namespace) || compareUtf8(a.name, b.name));
}

async function compareRow(
  { before, kube, resource, signal }: LiveContext,
  row: IndexRow,
  live: LiveObject | undefined,
): Promise<ObjectDifference | undefined> {
  const { kind, namespace, name } = row;
  const identity = { resource: row.resource, kind, namespace, name };
  if (live === undefined || resource === undefined) return { type: "removed", ...identity };
  if (live.content === row.content) return undefined;
  const [archived, current] = await Promise.all([before.read(row), kube.get(resource, row, signal)]);
  if (current === undefined) return { type: "removed", ...identity };
  const changes = contentChanges(parseJson(archived) as KubeObject, current);
  return changes.length === 0 ? undefined : { type: "changed", ...identity, changes };
}

/** A kind may only have come along with others, and a backup of named objects has listed nothing. */
function listedKinds({ manifest }: BackupReader, { resources, scope, tasks }: BackupPlan): Set<string> {
  if (manifest?.lists.length === 0) return new Set();
  const namespaces = resources.get("namespaces");
  const chosen = namespaces !== undefined && scope.lists(namespaces) ? [namespaces.name] : [];
  // What was listed is written down. The marker's spec is as Velero completes it, and a policy may be another one by now.
  const listed = manifest?.lists ?? tasks.map(({ resource }) => ({ resource: resource.name }));
  return new Set([...chosen, ...listed.map(({ resource }) => resource)]);
}

/** Digests of all live objects of one kind: the objects themselves are not kept. */
async function digests(
  { kube, filter, signal, selects }: LiveContext,
  resource: ServedResource,
): Promise<Map<string, LiveObject>> {
  const found = new Map<string, LiveObject>();
  const namespace = resource.namespaced ? (filter.namespace ?? "") : "";
  const scoped = { name: groupResource(resource), namespaced: resource.namespaced };
  for await (const page of kube.listPages(resource, { namespace, signal })) {
    for (let index = 0; index < page.items.length; index++) {
      const object = parseJson(itemWithTypeMeta(page, index)) as KubeObject;
      const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
      found.set(key, { content: contentDigest(object), selected: selects(object, scoped), kind: object.kind });
    }
  }
  return found;
}

/** Whether the backup's own rules would have taken a live object. */
function liveSelection({ namespaces, selection }: BackupPlan): LiveContext["selects"] {
  const { includes } = namespaces.filter;
  return (object, resource) =>
    skipReason(object, includes) === undefined &&
    (object.kind !== "Namespace" || includes(object.metadata.name)) &&
    selection.lists(resource, object.metadata);
}

/** As it was when the backup was made; for a backup that does not tell, as it is now. */
async function policyOfBackup(
  before: BackupReader,
  kube: KubeClient,
  signal: AbortSignal,
): Promise<ResourcePolicy | undefined> {
  const recorded = before.manifest?.resourcePolicy;
  const spec = before.backup.spec as BackupSpec;
  const parsed =
    recorded === undefined
      ? await readPolicy(kube, { spec, namespace: homeOf(before) }, signal)
      : parseResourcePolicy({ policy: JSON.stringify(recorded.content) });
  return policyOf(parsed);
}

/** Where the Backup was, and with it the ConfigMap of its policy: the marker has a namespace of Velero's. */
function homeOf({ backup, manifest }: BackupReader): string {
  return manifest?.namespace ?? backup.metadata.namespace ?? "";
}

function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
