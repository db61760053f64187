/**
 * A digest of an object's content that does not move when the cluster fills in what it owns: bindings, addresses,
 * revisions. What an undo compares to tell a person's change from a controller's.
 */
import { contentDigest } from "../api/digest.ts";
import { createContentDigester } from "../api/digest-bytes.ts";
import type { KubeObject } from "../api/object.ts";
import { parseForDeciding } from "../kube/item-bytes.ts";
import { dropKeys, recordAt, recordsAt } from "./json-path.ts";

const CONTROLLER_ANNOTATIONS: readonly string[] = [
  "deployment.kubernetes.io/revision",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "endpoints.kubernetes.io/last-change-trigger-time",
  "pv.kubernetes.io/bind-completed",
  "pv.kubernetes.io/bound-by-controller",
  "volume.kubernetes.io/storage-provisioner",
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/selected-node",
  "kubernetes.io/service-account.uid",
];

type Settle = (object: KubeObject) => void;

const SETTLE: Readonly<Record<string, Settle>> = {
  pods: (pod) => drop(pod, ["nodeName", "priority", "preemptionPolicy", "tolerations"]),
  services: (service) => {
    drop(service, ["clusterIP", "clusterIPs", "healthCheckNodePort"]);
    for (const port of recordsAt(service, "spec", "ports")) delete port.nodePort;
  },
  persistentvolumes: (volume) => {
    const claim = recordAt(volume, "spec", "claimRef");
    if (claim === undefined) return;
    delete claim.uid;
    delete claim.resourceVersion;
  },
  persistentvolumeclaims: (claim) => drop(claim, ["volumeName"]),
  secrets: (secret) => {
    if (secret.type === "kubernetes.io/service-account-token") delete secret.data;
  },
};

/** The digest. Finalizers are left out: controllers put theirs on. */
export function settledContent(resource: string, object: KubeObject): string {
  // A deep copy of every object of a big restore costs more than the digest itself.
  return settledInPlace(resource, SETTLE[resource] === undefined ? { ...object } : structuredClone(object));
}

function settledInPlace(resource: string, copy: KubeObject): string {
  const { finalizers: _finalizers, annotations, ...metadata } = copy.metadata;
  copy.metadata = metadata;
  if (annotations !== undefined) {
    metadata.annotations = { ...annotations };
    dropKeys(metadata, "annotations", CONTROLLER_ANNOTATIONS);
  }
  SETTLE[resource]?.(copy);
  return contentDigest(copy);
}

const digester = createContentDigester({
  fields: new Set(["finalizers"]),
  annotations: new Set(CONTROLLER_ANNOTATIONS),
  parsed: (object) => settledContent("", object),
});

/** The same digest, straight from an object's bytes where its resource has no rule of its own. @throws SyntaxError */
export function settledContentOfBytes(resource: string, bytes: Uint8Array): string {
  if (SETTLE[resource] === undefined) return digester.digest(bytes);
  return settledInPlace(resource, parseForDeciding(bytes));
}

function drop(object: KubeObject, fields: readonly string[]): void {
  const spec = recordAt(object, "spec");
  if (spec !== undefined) for (const field of fields) delete spec[field];
}
