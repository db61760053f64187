/**
 * Owner references after everything else: an owner that was restored has a new uid, and its dependents are linked to it
 * again. A reference to an owner that is not there is dropped, as Velero drops them all.
 */
import { parseJson } from "../api/json.ts";
import {
  type GroupVersionResource,
  groupResource,
  type KubeObject,
  type ObjectKey,
  type OwnerReference,
  parseApiVersion,
} from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import type { ServedResource } from "../kube/client.ts";
import { guarded } from "./changes.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";

/** Controllers that take up what their selectors match, and disown what they don't: a link of ours would only race. */
const ADOPTERS: ReadonlySet<string> = new Set([
  "ReplicaSet",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicationController",
  "Job",
]);
const ATTEMPTS = 5;

/** Objects whose owners are looked for when all are restored. */
export interface OwnerLinks {
  /** Remembers a created object. */
  add(item: PlannedItem): void;
  /** Links what can be linked; returns a warning for each object where the API server said no. */
  link(session: RestoreSession): Promise<readonly { readonly namespace: string; readonly message: string }[]>;
}

interface Dependent {
  readonly gvr: GroupVersionResource;
  readonly key: ObjectKey;
  /** Namespace in the archive, where namespaced owners are looked up. */
  readonly source: string;
  readonly owners: readonly OwnerReference[];
}

/** Starts with nothing to link. */
export function createOwnerLinks(): OwnerLinks {
  const dependents: Dependent[] = [];
  return {
    add: ({ gvr, entry, owners = [] }) => {
      const wanted = owners.filter(({ kind, controller }) => controller !== true || !ADOPTERS.has(kind));
      if (wanted.length === 0) return;
      const source = entry.archivedAs?.split("/")[0] ?? entry.namespace;
      dependents.push({ gvr, key: { namespace: entry.namespace, name: entry.name }, source, owners: wanted });
    },
    link: async (session) => {
      const uids = new Map<string, Promise<string | undefined>>();
      const problems: { namespace: string; message: string }[] = [];
      for (const dependent of dependents) {
        const problem = await linkOne(session, dependent, uids);
        if (problem !== undefined) problems.push({ namespace: dependent.key.namespace, message: problem });
      }
      return problems;
    },
  };
}

async function linkOne(
  session: RestoreSession,
  dependent: Dependent,
  uids: Map<string, Promise<string | undefined>>,
): Promise<string | undefined> {
  const found: OwnerReference[] = [];
  for (const owner of dependent.owners) {
    const key = `${owner.uid} ${dependent.key.namespace}`;
    const looked = uids.get(key) ?? newUid(session, dependent, owner);
    uids.set(key, looked);
    const uid = await looked;
    if (uid !== undefined) found.push({ ...owner, uid });
  }
  if (found.length === 0) return undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      await addReferences(session, dependent, found);
      return undefined;
    } catch (error) {
      session.request.signal?.throwIfAborted();
      if (isCoded(error, "KubeNotFound")) return undefined;
      if (isCoded(error, "KubeConflict") && attempt < ATTEMPTS) continue;
      return `${groupResource(dependent.gvr)} ${dependent.key.name}: its owner could not be linked: ${messageOf(error)}`;
    }
  }
}

async function addReferences(
  session: RestoreSession,
  { gvr, key }: Dependent,
  found: readonly OwnerReference[],
): Promise<void> {
  const { kube } = session.deps;
  const live = await kube.get(gvr, key, session.request.signal);
  if (live === undefined) return;
  const existing = live.metadata.ownerReferences ?? [];
  const controlled = existing.some(({ controller }) => controller === true);
  const added = found.filter(
    ({ uid, controller }) => !existing.some((own) => own.uid === uid) && !(controlled && controller === true),
  );
  if (added.length === 0) return;
  const operations = guarded(live, [{ op: "add", path: "/metadata/ownerReferences", value: [...existing, ...added] }]);
  await kube.patch(gvr, key, { type: "json", operations }, { fieldManager: "holdfast", ...signalOf(session.request) });
}

/** Those owners of an object that are there with the very uid it names. */
export async function livingOwners(session: RestoreSession, object: KubeObject): Promise<OwnerReference[]> {
  const { namespace = "", ownerReferences = [] } = object.metadata;
  const living: OwnerReference[] = [];
  for (const owner of ownerReferences) {
    const served = servedOwner(session, owner);
    const key = { namespace: served?.namespaced === true ? namespace : "", name: owner.name };
    const live = served && (await session.deps.kube.get(served, key, session.request.signal));
    if (live?.metadata.uid === owner.uid) living.push(owner);
  }
  return living;
}

function servedOwner(session: RestoreSession, { apiVersion, kind }: OwnerReference): ServedResource | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  return session.facts.discovery.resources.find(
    (each) => each.kind === kind && each.group === group && each.version === version,
  );
}

/** The uid that an archived owner has now; undefined where it is not of this restore, or not there. */
async function newUid(
  session: RestoreSession,
  dependent: Dependent,
  owner: OwnerReference,
): Promise<string | undefined> {
  const served = servedOwner(session, owner);
  if (served === undefined) return undefined;
  const resource = groupResource(served);
  const archivedKey = { namespace: served.namespaced ? dependent.source : "", name: owner.name };
  if (!session.selection.includes(resource, archivedKey) && session.related.get(resource)?.has(owner.name) !== true)
    return undefined;
  const { backup } = session.request;
  const row = await backup.row(resource, archivedKey);
  if (row === undefined || (parseJson(await backup.read(row)) as KubeObject).metadata.uid !== owner.uid)
    return undefined;
  const key = { namespace: served.namespaced ? dependent.key.namespace : "", name: owner.name };
  const live = await session.deps.kube.get(served, key, session.request.signal);
  return live?.metadata.deletionTimestamp === undefined ? live?.metadata.uid : undefined;
}
