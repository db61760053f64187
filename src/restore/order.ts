/** The order in which resources are restored: Velero's priorities, with everything that intercepts writes moved last. */
import type { ResolveResource } from "../api/resource-name.ts";
import { compareUtf8 } from "../storage/index-row.ts";

/** The resource of CRDs. */
export const CRDS = "customresourcedefinitions.apiextensions.k8s.io";

/** Restored first, in this order (velero-facts §4.3). */
export const HIGH_PRIORITIES: readonly string[] = [
  CRDS,
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

/**
 * Velero's `--restore-resource-priorities`: names before `-` come first, those after it last, whatever stands between.
 * CRDs are first of all in any case: what they serve can't be planned before.
 */
export function parsePriorities(names: readonly string[], resolve: ResolveResource): Priorities {
  const split = names.indexOf("-");
  const high = (split < 0 ? names : names.slice(0, split)).map(resolve);
  const low = split < 0 ? [] : names.slice(split + 1).map(resolve);
  return { high: [...new Set([CRDS, ...high])], low: low.filter((name) => name !== CRDS) };
}

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
