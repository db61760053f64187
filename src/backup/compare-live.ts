/** Compares a backup with the live cluster: what was added, removed or changed since. */
import { contentDigest } from "../api/digest.ts";
import { expandNamespaces } from "../api/include-exclude.ts";
import { parseJson } from "../api/json.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { matchesLabels, selectsEverything } from "../api/label-selector.ts";
import { groupResource, type KubeObject } from "../api/object.ts";
import type { KubeClient, ServedResource } from "../kube/client.ts";
import { itemWithTypeMeta } from "../kube/item-bytes.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { type CompareFilter, contentChanges, type ObjectDifference } from "./compare.ts";
import { skipReason } from "./item-plan.ts";

/**
 * What changed from the backup to the live cluster, of the kinds the backup holds. A live object counts as added only
 * where the backup's own filters would have taken it.
 */
export async function* compareWithLive(
  before: BackupReader,
  kube: KubeClient,
  filter: CompareFilter = {},
  signal?: AbortSignal,
): AsyncGenerator<ObjectDifference> {
  const { resources } = await kube.discovery(signal === undefined ? {} : { signal });
  const selects = liveSelection(before.backup.spec as BackupSpec);
  for (const name of await before.resources()) {
    if (filter.resource !== undefined && filter.resource !== name) continue;
    const resource = resources.find((each) => each.preferred && groupResource(each) === name);
    if (filter.namespace !== undefined && resource?.namespaced === false) continue;
    yield* compareResource({ before, kube, filter, signal, selects, name, resource });
  }
}

interface LiveContext {
  readonly before: BackupReader;
  readonly kube: KubeClient;
  readonly filter: CompareFilter;
  readonly signal: AbortSignal | undefined;
  readonly selects: (object: KubeObject) => boolean;
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
  const { before, filter, name, resource } = context;
  const live = resource === undefined ? new Map<string, LiveObject>() : await digests(context, resource);
  for await (const row of before.rows(name)) {
    if (filter.namespace !== undefined && row.namespace !== filter.namespace) continue;
    const key = `${row.namespace}/${row.name}`;
    const difference = await compareRow(context, row, live.get(key));
    live.delete(key);
    if (difference !== undefined) yield difference;
  }
  if (resource === undefined || !wasListed(before, resource, name)) return;
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

/** Whether all objects of the kind were asked for: a cluster-scoped kind may only have come along with others. */
function wasListed(before: BackupReader, resource: ServedResource, name: string): boolean {
  if (resource.namespaced || name === "namespaces") return true;
  return before.manifest?.lists.some((list) => list.resource === name) ?? false;
}

/** Digests of all live objects of one kind: the objects themselves are not kept. */
async function digests(
  { kube, filter, signal, selects }: LiveContext,
  resource: ServedResource,
): Promise<Map<string, LiveObject>> {
  const found = new Map<string, LiveObject>();
  const namespace = resource.namespaced ? (filter.namespace ?? "") : "";
  for await (const page of kube.listPages(resource, { namespace, ...(signal === undefined ? {} : { signal }) })) {
    for (let index = 0; index < page.items.length; index++) {
      const object = parseJson(itemWithTypeMeta(page, index)) as KubeObject;
      const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
      found.set(key, { content: contentDigest(object), selected: selects(object), kind: object.kind });
    }
  }
  return found;
}

/** Whether the backup's own rules would have taken a live object. */
function liveSelection(spec: BackupSpec): (object: KubeObject) => boolean {
  const lists = { includes: spec.includedNamespaces ?? [], excludes: spec.excludedNamespaces ?? [] };
  const selectors = [spec.labelSelector, ...(spec.orLabelSelectors ?? [])].flatMap((selector) => selector ?? []);
  const everything = selectors.every(selectsEverything);
  const includes = (namespace: string): boolean => expandNamespaces(lists, [namespace]).filter.includes(namespace);
  return (object) =>
    skipReason(object, includes) === undefined &&
    (object.kind !== "Namespace" || includes(object.metadata.name)) &&
    (everything || selectors.some((selector) => matchesLabels(selector, object.metadata.labels)));
}

function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
