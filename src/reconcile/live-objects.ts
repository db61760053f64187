import type { Backup, Kinds } from "../api/kinds.generated.ts";
import { KINDS, type KindName } from "../api/kinds.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { parseBackupName } from "../schedule/slot-name.ts";

/** A live object of one of our kinds, as the API server gave it. */
export type Live<K extends KindName> = KubeObject & Kinds[K];

/** Told of every object that came (`before` undefined), changed or went (`object` undefined). */
export type LiveListener = (
  kind: KindName,
  key: ObjectKey,
  object: KubeObject | undefined,
  before: KubeObject | undefined,
) => void;

/**
 * Our kinds as last seen: filled by LIST, hastened by watch events and by what our own writes returned. May be behind;
 * that is safe, since every write is guarded by the resourceVersion or by a deterministic name.
 */
export interface LiveObjects {
  get<K extends KindName>(kind: K, key: ObjectKey): Live<K> | undefined;
  list<K extends KindName>(kind: K): Live<K>[];
  /** Backups that a policy asked for, in no particular order. */
  backupsOf(policy: ObjectKey): Live<"Backup">[];
  /** What a write returned or an event brought; older than what is known, or removed already, changes nothing. */
  put(object: KubeObject): void;
  /** That one went; another one that has come under its name meanwhile stays. */
  remove(object: KubeObject): void;
  /** Everything a LIST of a kind told, which is the truth; returns how many differences there were. */
  replace(kind: KindName, objects: readonly KubeObject[]): number;
  subscribe(listener: LiveListener): void;
}

interface KindStore {
  readonly objects: Map<string, KubeObject>;
  /**
   * UIDs that were removed since the last LIST, and since the one before: our own delete is told at once, and the watch
   * may still bring what the object was before.
   */
  removed: readonly [Set<string>, Set<string>];
}

/** The policy a Backup is of: what its status says, else what its name says; undefined for any other name. */
export function policyKeyOf(backup: Pick<Backup, "metadata" | "status">, ownNamespace: string): ObjectKey | undefined {
  const origin = backup.status?.policy;
  if (origin !== undefined)
    return { namespace: origin.namespace ?? backup.metadata.namespace ?? "", name: origin.name };
  const named = parseBackupName(backup.metadata.name, ownNamespace);
  return named === undefined ? undefined : { namespace: named.namespace, name: named.policy };
}

/** An empty mirror of one cluster. */
export function createLiveObjects(ownNamespace: string): LiveObjects {
  const stores = new Map<KindName, KindStore>(KINDS.map(({ kind }) => [kind, emptyStore()]));
  const byPolicy = new Map<string, Map<string, KubeObject>>();
  const listeners: LiveListener[] = [];

  const kindStore = (kind: KindName): KindStore => stores.get(kind) as KindStore;
  const storeOf = (kind: KindName): Map<string, KubeObject> => kindStore(kind).objects;
  const tell: LiveListener = (kind, key, object, before) => {
    for (const listener of listeners) listener(kind, key, object, before);
  };

  function index(object: KubeObject, present: boolean): void {
    if (object.kind !== "Backup") return;
    const policy = policyKeyOf(object as Live<"Backup">, ownNamespace);
    if (policy === undefined) return;
    const group = byPolicy.get(formatKey(policy)) ?? new Map<string, KubeObject>();
    byPolicy.set(formatKey(policy), group);
    if (present) group.set(formatKey(keyOf(object)), object);
    else group.delete(formatKey(keyOf(object)));
  }

  function put(object: KubeObject): boolean {
    const kind = object.kind as KindName;
    const key = formatKey(keyOf(object));
    const known = storeOf(kind).get(key);
    if (wasRemoved(kindStore(kind), object) || (known !== undefined && !isNewer(object, known))) return false;
    if (known !== undefined) index(known, false);
    storeOf(kind).set(key, object);
    index(object, true);
    tell(kind, keyOf(object), object, known);
    return true;
  }

  function remove(object: KubeObject): void {
    const kind = object.kind as KindName;
    const key = keyOf(object);
    const { uid } = object.metadata;
    if (uid !== undefined) kindStore(kind).removed[0].add(uid);
    const known = storeOf(kind).get(formatKey(key));
    if (known === undefined || (known.metadata.uid !== uid && isNewer(known, object))) return;
    storeOf(kind).delete(formatKey(key));
    index(known, false);
    tell(kind, key, undefined, known);
  }

  function replace(kind: KindName, objects: readonly KubeObject[]): number {
    const seen = new Set(objects.map((object) => formatKey(keyOf(object))));
    let newest = 0n;
    let differences = 0;
    for (const object of objects) {
      const version = versionOf(object.metadata.resourceVersion);
      if (version > newest) newest = version;
      if (put(object)) differences++;
    }
    for (const [key, object] of storeOf(kind)) {
      // newer than all that was listed: made by ourselves meanwhile, and told by the watch if it is gone again
      if (seen.has(key) || versionOf(object.metadata.resourceVersion) > newest) continue;
      remove(object);
      differences++;
    }
    const store = kindStore(kind);
    store.removed = [new Set(), store.removed[0]];
    return differences;
  }

  return {
    get: <K extends KindName>(kind: K, key: ObjectKey) => storeOf(kind).get(formatKey(key)) as Live<K> | undefined,
    list: <K extends KindName>(kind: K) => [...storeOf(kind).values()] as Live<K>[],
    backupsOf: (policy) => [...(byPolicy.get(formatKey(policy))?.values() ?? [])] as Live<"Backup">[],
    put: (object) => void put(object),
    remove,
    replace,
    subscribe: (listener) => void listeners.push(listener),
  };
}

function emptyStore(): KindStore {
  return { objects: new Map(), removed: [new Set(), new Set()] };
}

/** One whose deletion waits for a finalizer is still there, and says so. */
function wasRemoved({ removed }: KindStore, { metadata }: KubeObject): boolean {
  const { uid, deletionTimestamp } = metadata;
  return uid !== undefined && deletionTimestamp === undefined && removed.some((uids) => uids.has(uid));
}

/** True unless `object` is what is known already, or older. A new UID under the same name is newer. */
function isNewer(object: KubeObject, known: KubeObject): boolean {
  const [next, before] = [versionOf(object.metadata.resourceVersion), versionOf(known.metadata.resourceVersion)];
  return next > before;
}

/** etcd's revision; Kubernetes 1.35 made comparing resourceVersions of one resource part of its API. */
function versionOf(resourceVersion: string | undefined): bigint {
  return resourceVersion !== undefined && /^\d+$/.test(resourceVersion) ? BigInt(resourceVersion) : 0n;
}
