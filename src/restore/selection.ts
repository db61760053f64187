/** Which archived objects a restore is about: Velero's filters (velero-facts §4.4), on source names. */
import { type ExpandedNamespaces, expandNamespaces, type NameFilter, nameFilter } from "../api/include-exclude.ts";
import { matchesLabels } from "../api/label-selector.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import type { RestoreOptions } from "./options.ts";

/** Velero's list of kinds that no restore brings back. */
export const NON_RESTORABLE: readonly string[] = [
  "nodes",
  "events",
  "events.events.k8s.io",
  "backups.velero.io",
  "restores.velero.io",
  "resticrepositories.velero.io",
  "csinodes.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "backuprepositories.velero.io",
];

/** Left out beyond Velero's list: requests, leases and our own kinds act, they don't describe. */
export const NEVER_RESTORED: readonly string[] = [
  "deletebackuprequests.velero.io",
  "downloadrequests.velero.io",
  "serverstatusrequests.velero.io",
  "datauploads.velero.io",
  "leases.coordination.k8s.io",
];

const OWN_GROUP = ".holdfast.dev";

/** True for a resource that is never brought back, whatever the filters say. */
export function isNeverRestored(resource: string): boolean {
  return NON_RESTORABLE.includes(resource) || NEVER_RESTORED.includes(resource) || resource.endsWith(OWN_GROUP);
}

/** The filters of one restore, compiled. */
export interface Selection {
  /** The resource filter alone. */
  includesResource(resource: string): boolean;
  /** What the filters let through by place and name, without labels. `namespaced`: the object has a namespace. */
  includes(resource: string, key: ObjectKey): boolean;
  /** An object that another one needs: not asked for labels or names, and cluster-scoped ones come with their owner. */
  includesRelated(resource: string, key: ObjectKey): boolean;
  /** The label selectors. */
  matches(object: KubeObject): boolean;
  /** Whether `matches` may say no. */
  readonly hasSelectors: boolean;
  /** Whether an object may be drawn in that the filters alone would leave out. */
  readonly drawsIn: boolean;
  readonly namespaces: ExpandedNamespaces;
  /** Where all that can be selected or drawn in is, "" for cluster-scoped objects; undefined: anywhere. */
  readonly within: ReadonlySet<string> | undefined;
}

/** Compiles the filters against the namespaces that the backup holds. */
export function createSelection(options: RestoreOptions, namespacesInBackup: readonly string[]): Selection {
  const namespaces = expandNamespaces(options.namespaces, namespacesInBackup);
  const resources = nameFilter(options.resources);
  const names = nameFilter(options.names);
  const everyNamespace = nameFilter(options.namespaces).everything;
  const clusterScoped = options.includeClusterResources ?? everyNamespace;
  const hasNames = !names.everything;
  const includesResource = (resource: string): boolean => !isNeverRestored(resource) && resources.includes(resource);
  const inScope = (resource: string, key: ObjectKey): boolean => {
    if (!includesResource(resource)) return false;
    if (key.namespace !== "") return namespaces.filter.includes(key.namespace);
    if (!clusterScoped) return false;
    return resource !== "namespaces" || namespaces.filter.includes(key.name);
  };
  return {
    includesResource,
    includes: (resource, key) => inScope(resource, key) && (!hasNames || namedBy(names, key)),
    includesRelated: (resource, key) => {
      if (!includesResource(resource)) return false;
      return key.namespace === ""
        ? options.includeClusterResources !== false
        : namespaces.filter.includes(key.namespace);
    },
    matches: (object) =>
      options.selectors.length === 0 ||
      options.selectors.some((selector) => matchesLabels(selector, object.metadata.labels)),
    hasSelectors: options.selectors.length > 0,
    drawsIn: !clusterScoped || options.selectors.length > 0 || hasNames,
    namespaces,
    within: namespaces.included === undefined ? undefined : new Set(["", ...namespaces.included]),
  };
}

function namedBy(names: NameFilter, key: ObjectKey): boolean {
  const full = formatKey(key);
  if (names.excludes(key.name) || names.excludes(full)) return false;
  return names.includes(key.name) || names.includes(full);
}
