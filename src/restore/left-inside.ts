/** What a deletion would take along: the objects in a namespace, and those of a CRD. An undo ends neither before they are gone. */
import { type GroupVersionResource, groupResource, type KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import type { ServedResource } from "../kube/client.ts";
import { CRDS } from "./order.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";

/** Made by the cluster in every namespace, or about objects that are gone. */
const IGNORED: ReadonlySet<string> = new Set([
  "events",
  "events.events.k8s.io",
  "endpoints",
  "endpointslices.discovery.k8s.io",
  "controllerrevisions.apps",
  "leases.coordination.k8s.io",
  "pods.metrics.k8s.io",
]);
const WAIT_MS = 30_000;

/** The item as it can be written: `fail` where something is left inside, after what is going has gone. */
export async function heldByContents(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { clock } = session.deps;
  const deadline = clock.monotonic() + WAIT_MS;
  for (;;) {
    const left = await firstLeft(session, item, () => false);
    if (left === undefined) return item;
    if (!left.isGoing || clock.monotonic() > deadline) return notEmpty(item, left.name);
    await clock.sleep(500, session.request.signal);
  }
}

/** The same for a plan, in which the objects with these uids go before. */
export async function plannedByContents(
  session: RestoreSession,
  item: PlannedItem,
  leaving: ReadonlySet<string>,
): Promise<PlannedItem> {
  const left = await firstLeft(session, item, ({ metadata: { uid = "" } }) => leaving.has(uid));
  return left === undefined || left.isGoing ? item : notEmpty(item, left.name);
}

function notEmpty({ entry, gvr }: PlannedItem, left: string): PlannedItem {
  const { liveUid: _uid, liveContent: _content, ...place } = entry;
  const holds = entry.resource === CRDS ? "there is" : "it holds";
  const message = `${holds} ${left}, which the restore did not create: delete it yourself when it is no longer needed`;
  return { entry: { ...place, action: "fail", reason: "NotEmpty", message }, gvr };
}

interface Left {
  readonly name: string;
  /** On its way out, or collected in a moment. */
  readonly isGoing: boolean;
}

/** Something that stays; else something that is going; undefined where nothing is left, or nothing would be taken along. */
async function firstLeft(
  session: RestoreSession,
  { entry: { action, resource, name } }: PlannedItem,
  leaves: (object: KubeObject) => boolean,
): Promise<Left | undefined> {
  const { discovery } = session.facts;
  if (action !== "delete" || (resource !== "namespaces" && resource !== CRDS)) return undefined;
  const isInside = (served: ServedResource): boolean =>
    resource === CRDS ? groupResource(served) === name : served.namespaced && !IGNORED.has(groupResource(served));
  const namespace = resource === CRDS ? "" : name;
  let going: Left | undefined;
  for (const served of discovery.resources) {
    if (!served.preferred || !served.verbs.includes("list") || !isInside(served)) continue;
    const left = await leftOf(session, served, { namespace, leaves });
    if (left?.isGoing === false) return left;
    going ??= left;
  }
  return going;
}

async function leftOf(
  session: RestoreSession,
  gvr: GroupVersionResource,
  { namespace, leaves }: { readonly namespace: string; readonly leaves: (object: KubeObject) => boolean },
): Promise<Left | undefined> {
  const resource = groupResource(gvr);
  const objects = await listed(session, gvr, namespace);
  if (objects === undefined) return { name: `${resource}, which Holdfast may not list`, isGoing: false };
  const left = objects.filter((object) => !isEverywhere(resource, object) && !leaves(object));
  const first = left.find((object) => !isGoing(object)) ?? left[0];
  return first === undefined ? undefined : { name: `${resource} ${first.metadata.name}`, isGoing: isGoing(first) };
}

/** Undefined where that is forbidden; what is no longer served holds nothing. */
async function listed(
  { deps, request }: RestoreSession,
  gvr: GroupVersionResource,
  namespace: string,
): Promise<KubeObject[] | undefined> {
  try {
    return await deps.kube.list(gvr, { ...(namespace === "" ? {} : { namespace }), ...signalOf(request) });
  } catch (error) {
    if (isCoded(error, "KubeNotFound") || isCoded(error, "KubeRejected")) return [];
    if (isCoded(error, "KubeForbidden")) return undefined;
    throw error;
  }
}

/** Pods whose controller is gone are collected in a moment, like those that are being deleted. */
function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined || metadata.ownerReferences !== undefined;
}

function isEverywhere(resource: string, { metadata }: KubeObject): boolean {
  return (
    (resource === "configmaps" && metadata.name === "kube-root-ca.crt") ||
    (resource === "serviceaccounts" && metadata.name === "default")
  );
}
