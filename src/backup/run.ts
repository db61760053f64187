/** The state of one backup while it runs, and the one way an object gets into its archive. */
import { type ContentDigester, createContentDigester } from "../api/digest-bytes.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import { isCoded } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { parseForDeciding, parseHead } from "../kube/item-bytes.ts";
import type { ArchiveWriter } from "../storage/archive-writer.ts";
import type { ListRecord } from "../storage/manifest.ts";
import { createResourceNames, type ResourceNames } from "../storage/resource-names.ts";
import type { PodHooks } from "./hook-plan.ts";
import { type HookedPod, hookedPod } from "./hooked-pod.ts";
import { type RelatedObject, relatedObjects, skipReason } from "./item-plan.ts";
import type { Journal } from "./journal.ts";
import type { BackupPlan, PlannedResource } from "./plan.ts";
import type { ProgressMeter } from "./progress.ts";
import type { BackupLimits } from "./types.ts";
import { type ClaimFacts, type PersistentVolumeFacts, readClaim, readVolume } from "./volume-facts.ts";

/** What the stages of one backup share. */
export interface BackupRun {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly plan: BackupPlan;
  readonly archive: ArchiveWriter;
  readonly digester: ContentDigester;
  readonly journal: Journal;
  readonly progress: ProgressMeter;
  readonly limits: BackupLimits;
  /** Aborts when the caller cancels, and when the archive can't be written any more. */
  readonly signal: AbortSignal;
  readonly hooksOf: (pod: KubeObject) => PodHooks | undefined;
  readonly names: ResourceNames;
  readonly lists: ListRecord[];
  /** Related objects not looked at yet: names by resource. */
  readonly wanted: Map<string, Map<string, ObjectKey>>;
  /** Names that were asked for; an object that is not there is asked for once. */
  readonly asked: Set<string>;
  /** `namespace/name` of archived service accounts. */
  readonly accounts: Set<string>;
  /** Namespaces of archived objects, and the resources they are of. */
  readonly usedNamespaces: Set<string>;
  readonly usedResources: Set<string>;
  readonly claims: ClaimFacts[];
  readonly volumes: Map<string, PersistentVolumeFacts>;
  /** Pods that wait for their hooks, and the claims and volumes that wait with them. */
  readonly hookedPods: HookedPod[];
  readonly reserved: Set<string>;
  /** True where every served version goes into a folder of its own. */
  readonly allVersions: boolean;
}

/** The part of a run that its stages fill. */
export function emptyRunState(): Pick<
  BackupRun,
  | "digester"
  | "names"
  | "lists"
  | "wanted"
  | "asked"
  | "accounts"
  | "usedNamespaces"
  | "usedResources"
  | "claims"
  | "volumes"
  | "hookedPods"
  | "reserved"
> {
  return {
    digester: createContentDigester(),
    names: createResourceNames(),
    lists: [],
    wanted: new Map(),
    asked: new Set(),
    accounts: new Set(),
    usedNamespaces: new Set(),
    usedResources: new Set(),
    claims: [],
    volumes: new Map(),
    hookedPods: [],
    reserved: new Set(),
  };
}

/** How an object came to be looked at. */
export interface ArchiveOptions {
  /** Exactly this object was asked for: labels, deletion and namespace filters don't matter, and nothing is related to it. */
  readonly explicit?: boolean;
  /** Its hooks have run or don't matter: it is written now. */
  readonly now?: boolean;
  /** `orderedResources` named it, no LIST did: only what a LIST would have given goes in. */
  readonly ordered?: boolean;
  /** A LIST over namespaces with filters of their own gave it: only what a LIST of its own namespace would have given goes in. */
  readonly mixed?: boolean;
}

/** Archives one object, given as bytes with apiVersion and kind, if the rules let it in; a problem of its own is an error of the run. */
export async function archiveItem(
  run: BackupRun,
  resource: PlannedResource,
  body: Uint8Array,
  options: ArchiveOptions = {},
): Promise<void> {
  const object = parsed(run, resource, body);
  if (object === undefined) return;
  if (options.explicit !== true) {
    if (isLeftOut(run, resource, object, options)) return run.progress.expect(-1);
    if (options.now !== true && waitsForHooks(run, resource, object)) return;
  }
  if (await write(run, resource, object, body)) noteArchived(run, resource, object, options.explicit === true);
  else run.progress.expect(-1);
}

/** Asks the rules, and says what a user would miss. */
function isLeftOut(run: BackupRun, resource: PlannedResource, object: KubeObject, options: ArchiveOptions): boolean {
  const { selection, namespaces } = run.plan;
  const key = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  if ((options.ordered === true || options.mixed === true) && !selection.lists(resource, object.metadata)) {
    if (options.ordered === true) noteUnlisted(run, resource, key);
    return true;
  }
  if (!selection.admits(resource, key)) return true;
  const reason = skipReason(object, namespaces.filter.includes);
  if (reason === "beingDeleted") run.journal.info("left out: it is being deleted", { ...key, resource: resource.name });
  return reason !== undefined;
}

/** A warning, as in Velero: a name that orders nothing is mostly a typing error. */
export function noteUnlisted(run: BackupRun, { name: resource }: PlannedResource, key: ObjectKey): void {
  run.journal.warn("orderedResources names it, and the backup has no such object to order", { ...key, resource });
}

/** Asks for a related object, unless the filters keep its kind out or it was asked for before. */
export function want(run: BackupRun, related: RelatedObject): void {
  const resource = run.plan.resources.get(related.resource);
  if (resource === undefined || !run.plan.scope.admits(resource)) return;
  const key = { namespace: related.namespace, name: related.name };
  if (!run.plan.selection.admits(resource, key)) return;
  const text = `${related.namespace}/${related.name}`;
  if (run.archive.has(related.resource, key) || run.asked.has(`${related.resource} ${text}`)) return;
  const names = run.wanted.get(related.resource) ?? new Map<string, ObjectKey>();
  run.wanted.set(related.resource, names.set(text, key));
}

/** Kinds whose body says what else is needed, or what is not protected; of all others the head is enough. */
const READ_WHOLE: ReadonlySet<string> = new Set(["pods", "persistentvolumeclaims", "persistentvolumes"]);

function parsed(run: BackupRun, resource: PlannedResource, body: Uint8Array): KubeObject | undefined {
  try {
    return READ_WHOLE.has(resource.name) ? parseForDeciding(body) : parseHead(body);
  } catch (error) {
    noteNotJson(run, resource, error);
    return undefined;
  }
}

function noteNotJson(run: BackupRun, resource: PlannedResource, error: unknown): void {
  const subject = { namespace: "", resource: resource.name, error };
  run.journal.error("the API server sent an object that is not JSON", subject);
}

/** Takes a pod with hooks out of the stream, and what waits for such a pod. */
function waitsForHooks(run: BackupRun, resource: PlannedResource, object: KubeObject): boolean {
  const { namespace = "", name } = object.metadata;
  const isReserved = run.reserved.has(`${resource.name} ${namespace}/${name}`);
  if (resource.name === "pods") {
    // Two selectors may list a pod twice, and its hooks run once.
    if (isReserved) return true;
    const hooks = run.hooksOf(object);
    if (hooks === undefined) return false;
    const pod = hookedPod(object, hooks);
    run.hookedPods.push(pod);
    run.reserved.add(`pods ${namespace}/${name}`);
    for (const claim of pod.claims) run.reserved.add(`persistentvolumeclaims ${pod.namespace}/${claim}`);
    return true;
  }
  if (!isReserved) return false;
  if (resource.name === "persistentvolumeclaims") {
    for (const volume of relatedObjects(resource.name, object)) run.reserved.add(`${volume.resource} /${volume.name}`);
  }
  return true;
}

async function write(
  run: BackupRun,
  resource: PlannedResource,
  object: KubeObject,
  body: Uint8Array,
): Promise<boolean> {
  const { namespace = "", name } = object.metadata;
  try {
    const outcome = await run.archive.add({
      resource: resource.name,
      version: resource.version,
      kind: resource.kind,
      namespace,
      name,
      body,
      content: run.digester.digest(body),
      ...versionFolder(run, resource),
    });
    return outcome === "written" && resource.preferred;
  } catch (error) {
    if (error instanceof SyntaxError) {
      noteNotJson(run, resource, error);
      return false;
    }
    if (!isCoded(error, "ArchiveUnsafe")) throw error;
    run.journal.error("the object's name can't be stored", { namespace, resource: resource.name, name, error });
    return false;
  }
}

function versionFolder(run: BackupRun, resource: PlannedResource): { versionFolder?: "preferred" | "other" } {
  if (!run.allVersions) return {};
  return { versionFolder: resource.preferred ? "preferred" : "other" };
}

/** A pod's own wish for file-system backup of its volumes, in Velero's words, which nothing fulfils yet. */
function noteRequestedVolumes(run: BackupRun, pod: KubeObject): void {
  const volumes = pod.metadata.annotations?.["backup.velero.io/backup-volumes"];
  if (volumes === undefined || volumes === "") return;
  run.journal.warn(
    `the data of the pod's volumes ${volumes}, which backup.velero.io/backup-volumes asks for, is not in this backup`,
    {
      namespace: pod.metadata.namespace ?? "",
      resource: "pods",
      name: pod.metadata.name,
    },
  );
}

function noteArchived(run: BackupRun, resource: PlannedResource, object: KubeObject, explicit: boolean): void {
  const { namespace = "", name } = object.metadata;
  run.progress.written();
  run.names.add({ apiVersion: object.apiVersion, kind: object.kind, namespace, name });
  run.usedResources.add(resource.name);
  if (namespace !== "") run.usedNamespaces.add(namespace);
  if (resource.name === "persistentvolumeclaims") run.claims.push(readClaim(object));
  if (resource.name === "persistentvolumes") run.volumes.set(name, readVolume(object));
  if (explicit) return;
  if (resource.name === "pods") noteRequestedVolumes(run, object);
  if (resource.name === "serviceaccounts") run.accounts.add(`${namespace}/${name}`);
  for (const related of relatedObjects(resource.name, object)) want(run, related);
}
