/** Whether one object goes into the backup, and which others it needs. Pure. */
import { EXCLUDE_LABELS } from "../api/annotations.ts";
import type { KubeObject } from "../api/object.ts";

/** True when a label keeps the object out. */
export function isLabelledOut(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels !== undefined && EXCLUDE_LABELS.some((label) => labels[label] === "true");
}

/** Why an object stays out; undefined when it goes in. */
export type SkipReason = "labelledOut" | "beingDeleted" | "namespace";

/** The rules for every object, listed or related. */
export function skipReason(object: KubeObject, includesNamespace: (name: string) => boolean): SkipReason | undefined {
  const { namespace, labels, deletionTimestamp } = object.metadata;
  if (isLabelledOut(labels)) return "labelledOut";
  if (namespace !== undefined && namespace !== "" && !includesNamespace(namespace)) return "namespace";
  return deletionTimestamp === undefined ? undefined : "beingDeleted";
}

/** An object that another one needs. */
export interface RelatedObject {
  /** `persistentvolumes`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export const CLUSTER_ROLES = "clusterroles.rbac.authorization.k8s.io";
export const CLUSTER_ROLE_BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io";
export const CRDS = "customresourcedefinitions.apiextensions.k8s.io";

/** What Velero's built-in actions add for an object, and the service account of a pod; bindings are found the other way round. */
export function relatedObjects(resource: string, object: KubeObject): RelatedObject[] {
  const namespace = object.metadata.namespace ?? "";
  switch (resource) {
    case "pods":
      return podRelations(object, namespace);
    case "persistentvolumeclaims":
      return volumeOf(object).map((name) => ({ resource: "persistentvolumes", namespace: "", name }));
    default:
      return [];
  }
}

/** Names of the claims a pod mounts. */
export function claimsOf(pod: KubeObject): string[] {
  return records(at(pod, "spec", "volumes")).flatMap((volume) => {
    const claim = at(volume, "persistentVolumeClaim", "claimName");
    return typeof claim === "string" ? [claim] : [];
  });
}

/** The volume a claim is bound to; none while it is not. */
export function volumeOf(claim: KubeObject): string[] {
  const name = at(claim, "spec", "volumeName");
  return typeof name === "string" && name !== "" && at(claim, "status", "phase") === "Bound" ? [name] : [];
}

/** `namespace/name` of each service account that a binding names. */
export function boundServiceAccounts(binding: KubeObject): string[] {
  return records(binding.subjects)
    .filter((subject) => subject.kind === "ServiceAccount")
    .map((subject) => `${String(subject.namespace ?? "")}/${String(subject.name)}`);
}

/** API groups whose kinds are built in: no CRD stands behind them. */
const BUILT_IN_GROUPS = new Set([
  "",
  "apps",
  "autoscaling",
  "batch",
  "extensions",
  "policy",
  ...[
    "admissionregistration",
    "apiregistration",
    "apiextensions",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "resource",
    "scheduling",
    "storage",
    "storagemigration",
  ].map((group) => `${group}.k8s.io`),
]);

/** True when a CRD may stand behind resources of this group. */
export function mayBeCustom(group: string): boolean {
  return !BUILT_IN_GROUPS.has(group);
}

/** Reads a path out of plain JSON; undefined where it ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const field of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, field)) return undefined;
    current = (current as Record<string, unknown>)[field];
  }
  return current;
}

/** The maps of a list; anything else is left out. */
export function records(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Record<string, unknown> => typeof item === "object" && item !== null);
}

function podRelations(pod: KubeObject, namespace: string): RelatedObject[] {
  const related: RelatedObject[] = claimsOf(pod).map((name) => ({
    resource: "persistentvolumeclaims",
    namespace,
    name,
  }));
  const priorityClass = at(pod, "spec", "priorityClassName");
  if (typeof priorityClass === "string" && priorityClass !== "") {
    related.push({ resource: "priorityclasses.scheduling.k8s.io", namespace: "", name: priorityClass });
  }
  const account = at(pod, "spec", "serviceAccountName");
  if (typeof account === "string" && account !== "")
    related.push({ resource: "serviceaccounts", namespace, name: account });
  return related;
}

/** The ClusterRole a binding refers to; none where it refers to a Role. */
export function clusterRoleOf(binding: KubeObject): string[] {
  const name = at(binding, "roleRef", "name");
  return at(binding, "roleRef", "kind") === "ClusterRole" && typeof name === "string" ? [name] : [];
}
