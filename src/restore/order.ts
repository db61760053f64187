/** The order in which resources are restored: Velero's priorities, with everything that intercepts writes moved last. */
import { compareUtf8 } from "../storage/index-row.ts";

/** Restored first, in this order (velero-facts §4.3). */
export const HIGH_PRIORITIES: readonly string[] = [
  "customresourcedefinitions.apiextensions.k8s.io",
  "namespaces",
  "storageclasses.storage.k8s.io",
  "volumesnapshotclasses.snapshot.storage.k8s.io",
  "volumesnapshotcontents.snapshot.storage.k8s.io",
  "volumesnapshots.snapshot.storage.k8s.io",
  "datauploads.velero.io",
  "persistentvolumes",
  "persistentvolumeclaims",
  "clusterroles.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "serviceaccounts",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
  "secrets",
  "configmaps",
  "limitranges",
  "priorityclasses.scheduling.k8s.io",
  "pods",
  "replicasets.apps",
  "clusterclasses.cluster.x-k8s.io",
  "endpoints",
  "services",
];

/** Restored after everything that has no priority. */
export const LOW_PRIORITIES: readonly string[] = [
  "clusterbootstraps.run.tanzu.vmware.com",
  "clusters.cluster.x-k8s.io",
  "clusterresourcesets.addons.cluster.x-k8s.io",
  "apps.kappctrl.k14s.io",
  "packageinstalls.packaging.carvel.dev",
];

/** Whatever these configure may be refused or swallowed while their backends are not up: they come after all else. */
export const LAST: readonly string[] = [
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  "mutatingadmissionpolicies.admissionregistration.k8s.io",
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
  "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  "validatingwebhookconfigurations.admissionregistration.k8s.io",
  "apiservices.apiregistration.k8s.io",
];

export interface Priorities {
  readonly high: readonly string[];
  readonly low: readonly string[];
}

/** Velero's lists, already in full names. */
export const DEFAULT_PRIORITIES: Priorities = { high: HIGH_PRIORITIES, low: LOW_PRIORITIES };

/** Each resource once, in restore order: high, middle by byte order, low, last. */
export function orderResources(resources: Iterable<string>, priorities: Priorities = DEFAULT_PRIORITIES): string[] {
  const rest = new Set(resources);
  const take = (names: readonly string[]): string[] => names.filter((name) => rest.delete(name));
  const high = take(priorities.high);
  const last = take(LAST.filter((name) => !priorities.low.includes(name)));
  const low = take(priorities.low);
  const middle = [...rest].sort(compareUtf8);
  return [...high, ...middle, ...low, ...last];
}
