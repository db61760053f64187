/** Which archived objects a restore is about: Velero's filters (velero-facts §4.4), on source names. */
import type { FilterLookup, FilterVerdict } from "../api/filter-rules.ts";
import { type ExpandedNamespaces, expandNamespaces, type NameFilter, nameFilter } from "../api/include-exclude.ts";
import { type LabelSelector, type Labels, matchesAnyOf } from "../api/label-selector.ts";
import type { ObjectKey } from "../api/object.ts";
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
  /** What the filters let through by place, kind and name, without labels. */
  includes(resource: string, key: ObjectKey): boolean;
  /**
   * An object that another one needs: not asked for labels or names, nor by the policy's filters, and cluster-scoped
   * ones come with their owner.
   */
  includesRelated(resource: string, key: ObjectKey): boolean;
  /** The label selectors of an object that is included. */
  matches(resource: string, key: ObjectKey, labels: Labels | undefined): boolean;
  /** Whether `matches` may say no. */
  hasSelectors(resource: string, key: ObjectKey): boolean;
  /**
   * Why the policy alone leaves the object out; undefined where it does not. Without `labelled` it is not asked about
   * labels.
   */
  leftOutBy(resource: string, key: ObjectKey, labelled?: { readonly labels: Labels | undefined }): string | undefined;
  /** Whether an object may be drawn in that the filters alone would leave out. */
  readonly drawsIn: boolean;
  readonly namespaces: ExpandedNamespaces;
  /** Where all that can be selected or drawn in is, "" for cluster-scoped objects; undefined: anywhere. */
  readonly within: ReadonlySet<string> | undefined;
}

/** Compiles the filters against the namespaces that the backup holds; `lookup` asks the policy's, which go by source names. */
export function createSelection(
  options: RestoreOptions,
  namespacesInBackup: readonly string[],
  lookup?: FilterLookup,
): Selection {
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
  const isAsked = (resource: string, key: ObjectKey): boolean =>
    inScope(resource, key) && (!hasNames || namedBy(names, key));
  const verdictOf = (resource: string, key: ObjectKey): FilterVerdict => lookup?.(resource, key.namespace) ?? NO_FILTER;
  const selectorsOf = (resource: string, key: ObjectKey): readonly LabelSelector[] => {
    const verdict = verdictOf(resource, key);
    return verdict.type === "filter" ? verdict.rule.selectors : options.selectors;
  };
  return {
    includesResource,
    includes: (resource, key) => isAsked(resource, key) && refusal(verdictOf(resource, key), key.name) === undefined,
    includesRelated: (resource, key) => {
      if (!includesResource(resource)) return false;
      return key.namespace === ""
        ? options.includeClusterResources !== false
        : namespaces.filter.includes(key.namespace);
    },
    matches: (resource, key, labels) => matchesAnyOf(selectorsOf(resource, key), labels),
    hasSelectors: (resource, key) => selectorsOf(resource, key).length > 0,
    leftOutBy: (resource, key, labelled) =>
      lookup !== undefined && isAsked(resource, key)
        ? refusal(verdictOf(resource, key), key.name, labelled)
        : undefined,
    drawsIn: !clusterScoped || options.selectors.length > 0 || hasNames || lookup !== undefined,
    namespaces,
    within: namespaces.included === undefined ? undefined : new Set(["", ...namespaces.included]),
  };
}

const NO_FILTER: FilterVerdict = { type: "none" };

/** Why a filter does not take an object; undefined where it does, or there is none. */
function refusal(
  verdict: FilterVerdict,
  name: string,
  labelled?: { readonly labels: Labels | undefined },
): string | undefined {
  switch (verdict.type) {
    case "none":
      return undefined;
    case "unlisted":
      return `${verdict.at} has no filter for them`;
    case "filter": {
      const { at, hasName, hasLabels } = verdict.rule;
      if (!hasName(name)) return `${at} takes other names`;
      return labelled === undefined || hasLabels(labelled.labels) ? undefined : `${at} takes other labels`;
    }
  }
}

function namedBy(names: NameFilter, key: ObjectKey): boolean {
  const full = formatKey(key);
  if (names.excludes(key.name) || names.excludes(full)) return false;
  return names.includes(key.name) || names.includes(full);
}
