/**
 * What the cluster assigned to a live object is no difference: a restore strips it from the archived one on purpose, and
 * the API server or a controller would put it back, or refuse its removal. Before a comparison the archived object
 * takes these values over. (Velero compares without this, and so finds nearly every Pod, Service and volume changed.)
 */
import type { KubeObject } from "../api/object.ts";
import { at, isRecord, recordAt, recordsAt, textAt } from "./json-path.ts";
import { CONTROLLER_UID_LABELS } from "./kinds/job.ts";

type Adopt = (desired: KubeObject, live: KubeObject) => void;

const ADOPT: Readonly<Record<string, Adopt>> = {
  pods: adoptPod,
  services: adoptService,
  "jobs.batch": adoptJob,
  persistentvolumes: adoptVolume,
  persistentvolumeclaims: adoptClaim,
  secrets: adoptTokenSecret,
};

/** Changes `desired` in place; `live` is only read. */
export function adoptAssigned(resource: string, desired: KubeObject, live: KubeObject): void {
  ADOPT[resource]?.(desired, live);
}

/** Copies fields that `to` lacks. */
function fill(to: Record<string, unknown> | undefined, from: unknown, fields: readonly string[]): void {
  if (to === undefined) return;
  for (const field of fields) {
    const value = at(from, field);
    if (value !== undefined && !Object.hasOwn(to, field)) to[field] = structuredClone(value);
  }
}

function fillMap(
  parent: Record<string, unknown> | undefined,
  field: string,
  from: unknown,
  keys: readonly string[],
): void {
  if (parent === undefined || !keys.some((key) => at(from, key) !== undefined)) return;
  const map = parent[field] === undefined ? {} : parent[field];
  if (!isRecord(map)) return;
  parent[field] = map;
  fill(map, from, keys);
}

function adoptPod(desired: KubeObject, live: KubeObject): void {
  const spec = recordAt(desired, "spec");
  fill(spec, live.spec, ["nodeName", "priority", "preemptionPolicy"]);
  const own = tokenVolume(desired);
  const other = tokenVolume(live);
  if (own === undefined || other === undefined || own === other) return;
  for (const item of [
    ...recordsAt(spec, "volumes"),
    ...[...recordsAt(spec, "containers"), ...recordsAt(spec, "initContainers")].flatMap((container) =>
      recordsAt(container, "volumeMounts"),
    ),
  ]) {
    if (item.name === own) item.name = other;
  }
}

/** The volume the admission plug-in adds, whose name is random. */
function tokenVolume(pod: KubeObject): string | undefined {
  return recordsAt(pod, "spec", "volumes")
    .map((volume) => textAt(volume, "name"))
    .find((name) => name.startsWith("kube-api-access-"));
}

function adoptService(desired: KubeObject, live: KubeObject): void {
  const spec = recordAt(desired, "spec");
  if (spec === undefined) return;
  if (spec.type !== "ExternalName") fill(spec, live.spec, ["clusterIP", "clusterIPs"]);
  fill(spec, live.spec, ["healthCheckNodePort"]);
  const livePorts = recordsAt(live, "spec", "ports");
  for (const port of recordsAt(spec, "ports")) {
    const same = livePorts.find((other) => other.port === port.port && other.protocol === port.protocol);
    fill(port, same, ["nodePort"]);
  }
}

function adoptJob(desired: KubeObject, live: KubeObject): void {
  if (at(live, "spec", "manualSelector") === true) return;
  fillMap(
    recordAt(desired, "spec", "selector"),
    "matchLabels",
    at(live, "spec", "selector", "matchLabels"),
    CONTROLLER_UID_LABELS,
  );
  const labels = at(live, "spec", "template", "metadata", "labels");
  fillMap(recordAt(desired, "spec", "template", "metadata"), "labels", labels, CONTROLLER_UID_LABELS);
}

const VOLUME_ANNOTATIONS: readonly string[] = [
  "pv.kubernetes.io/bound-by-controller",
  "pv.kubernetes.io/bind-completed",
];

/** Only of a bound volume: a released one must lose the uid of its old claim, or it never binds again. */
function adoptVolume(desired: KubeObject, live: KubeObject): void {
  if (textAt(live, "status", "phase") !== "Bound") return;
  const claim = recordAt(desired, "spec", "claimRef");
  const liveClaim = at(live, "spec", "claimRef");
  if (claim === undefined) return;
  if (claim.namespace !== at(liveClaim, "namespace") || claim.name !== at(liveClaim, "name")) return;
  fill(claim, liveClaim, ["uid", "resourceVersion"]);
  adoptAnnotations(desired, live, VOLUME_ANNOTATIONS);
}

const CLAIM_ANNOTATIONS: readonly string[] = [
  ...VOLUME_ANNOTATIONS,
  "volume.kubernetes.io/storage-provisioner",
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/selected-node",
];

function adoptClaim(desired: KubeObject, live: KubeObject): void {
  fill(recordAt(desired, "spec"), live.spec, ["volumeName"]);
  adoptAnnotations(desired, live, CLAIM_ANNOTATIONS);
}

function adoptTokenSecret(desired: KubeObject, live: KubeObject): void {
  if (desired.type !== "kubernetes.io/service-account-token" || live.type !== desired.type) return;
  fillMap(desired, "data", live.data, ["token", "ca.crt"]);
  adoptAnnotations(desired, live, ["kubernetes.io/service-account.uid"]);
}

function adoptAnnotations(desired: KubeObject, live: KubeObject, keys: readonly string[]): void {
  fillMap(recordAt(desired, "metadata"), "annotations", live.metadata.annotations, keys);
}
