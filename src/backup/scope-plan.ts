/** Which resources a backup lists, and which may come along as related objects: Velero's two filter families. */
import { type NameFilter, nameFilter } from "../api/include-exclude.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import type { ResolveResource } from "../api/resource-name.ts";
import type { IncludeExcludePolicy } from "../api/resource-policy.ts";

/** A resource as the scope asks about it: `deployments.apps`. */
export interface ScopedResource {
  readonly name: string;
  readonly namespaced: boolean;
}

export interface ResourceScope {
  /** Its objects are listed. */
  lists(resource: ScopedResource): boolean;
  /** An object of it may come because another one needs it. */
  admits(resource: ScopedResource): boolean;
  /** An exclude names it: nothing brings it in. */
  excludes(resource: ScopedResource): boolean;
}

/** Kinds of the volume snapshot API, which Velero leaves to its snapshot actions: never backed up as objects. */
export const NEVER_SELECTED: ReadonlySet<string> = new Set([
  "volumesnapshots.snapshot.storage.k8s.io",
  "volumesnapshotcontents.snapshot.storage.k8s.io",
]);

/** Holdfast's own records: a restored Backup would claim to have run, a restored RestorePlan would run. */
export const NEVER_ARCHIVED: ReadonlySet<string> = new Set(["backups.holdfast.dev", "restoreplans.holdfast.dev"]);

const NAMESPACES = "namespaces";

/** True when the spec uses `includedResources`, `excludedResources` or `includeClusterResources`. */
export function usesOldFamily(spec: BackupSpec): boolean {
  return (
    spec.includeClusterResources !== undefined ||
    hasEntries(spec.includedResources) ||
    hasEntries(spec.excludedResources)
  );
}

/** True when the spec uses one of the four scoped lists. */
export function usesScopedFamily(spec: BackupSpec): boolean {
  return (
    hasEntries(spec.includedClusterScopedResources) ||
    hasEntries(spec.excludedClusterScopedResources) ||
    hasEntries(spec.includedNamespaceScopedResources) ||
    hasEntries(spec.excludedNamespaceScopedResources)
  );
}

/** What the scope depends on beside the spec. */
export interface ScopeContext {
  readonly resolve: ResolveResource;
  /** Whether a resource that is served is namespaced; undefined for a name that is not served, such as a glob. */
  readonly isNamespaced: (name: string) => boolean | undefined;
  readonly policy?: IncludeExcludePolicy | undefined;
}

/** The scope of a spec that was validated. */
export function resourceScope(spec: BackupSpec, context: ScopeContext): ResourceScope {
  const inner = usesOldFamily(spec) ? oldFamilyScope(spec, context) : scopedFamilyScope(spec, context);
  const isNever = (resource: ScopedResource): boolean =>
    NEVER_SELECTED.has(resource.name) || NEVER_ARCHIVED.has(resource.name);
  return {
    lists: (resource) => !isNever(resource) && inner.lists(resource),
    admits: (resource) => !isNever(resource) && inner.admits(resource),
    excludes: (resource) => isNever(resource) || inner.excludes(resource),
  };
}

function oldFamilyScope(spec: BackupSpec, { resolve }: ScopeContext): ResourceScope {
  const filter = nameFilter({
    includes: (spec.includedResources ?? []).map(resolve),
    excludes: (spec.excludedResources ?? []).map(resolve),
  });
  const lists = (resource: ScopedResource): boolean => {
    if (!resource.namespaced) {
      if (spec.includeClusterResources === false) return false;
      // Unset is "auto": only a backup of all namespaces lists cluster-scoped kinds; Namespace objects are chosen one by one.
      const isAuto = spec.includeClusterResources === undefined;
      if (isAuto && resource.name !== NAMESPACES && !selectsAllNamespaces(spec)) return false;
    }
    return filter.includes(resource.name);
  };
  return {
    lists,
    admits: (resource) => {
      if (resource.namespaced) return filter.includes(resource.name);
      if (spec.includeClusterResources === false || filter.excludes(resource.name)) return false;
      // A list of kinds names the cluster-scoped ones, too, that may come along; only `true` takes those it does not name.
      return spec.includeClusterResources === true || filter.includes(resource.name);
    },
    excludes: ({ name }) => filter.excludes(name),
  };
}

function scopedFamilyScope(spec: BackupSpec, context: ScopeContext): ResourceScope {
  const cluster = scopedFilter(spec.includedClusterScopedResources, spec.excludedClusterScopedResources, {
    ...context,
    namespaced: false,
    policyIncludes: context.policy?.includedClusterScopedResources,
    policyExcludes: context.policy?.excludedClusterScopedResources,
  });
  const namespaced = scopedFilter(spec.includedNamespaceScopedResources, spec.excludedNamespaceScopedResources, {
    ...context,
    namespaced: true,
    policyIncludes: context.policy?.includedNamespaceScopedResources,
    policyExcludes: context.policy?.excludedNamespaceScopedResources,
  });
  // What Velero documents, and what its code stopped doing when it began to add excludes of its own to these lists.
  const isWhole = cluster.untouched && namespaced.everything && selectsAllNamespaces(spec);
  const listsCluster = (name: string): boolean =>
    !cluster.excludes(name) && (isWhole || name === NAMESPACES || cluster.named(name));
  const listsNamespaced = (name: string): boolean => !namespaced.excludes(name) && namespaced.included(name);
  return {
    lists: (resource) => (resource.namespaced ? listsNamespaced(resource.name) : listsCluster(resource.name)),
    admits: (resource) => (resource.namespaced ? listsNamespaced(resource.name) : !cluster.excludes(resource.name)),
    excludes: ({ name, namespaced: isNamespaced }) => (isNamespaced ? namespaced : cluster).excludes(name),
  };
}

interface ScopedFilter {
  excludes(name: string): boolean;
  /** Empty includes, `*`, or a match. */
  included(name: string): boolean;
  /** `*` or a match: an empty list names nothing. */
  named(name: string): boolean;
  /** Both lists are empty. */
  readonly untouched: boolean;
  readonly everything: boolean;
}

interface ScopedFilterContext extends ScopeContext {
  readonly namespaced: boolean;
  readonly policyIncludes: readonly string[] | undefined;
  readonly policyExcludes: readonly string[] | undefined;
}

function scopedFilter(
  includes: readonly string[] | undefined,
  excludes: readonly string[] | undefined,
  context: ScopedFilterContext,
): ScopedFilter {
  // A kind in the list of the other scope is dropped without a word, as in Velero.
  const inScope = (names: readonly string[] | undefined): string[] =>
    (names ?? []).map(context.resolve).filter((name) => context.isNamespaced(name) !== !context.namespaced);
  const own = { includes: inScope(includes), excludes: inScope(excludes) };
  const spoken: NameFilter = nameFilter({ includes: [], excludes: [...own.includes, ...own.excludes] });
  // The spec wins: a policy only speaks where the spec's lists say nothing.
  const unspoken = (names: readonly string[] | undefined): string[] =>
    inScope(names).filter((name) => !spoken.excludes(name));
  const policyExcludes = unspoken(context.policyExcludes);
  const policyIncludes = unspoken(context.policyIncludes).filter((name) => !policyExcludes.includes(name));
  const filter = nameFilter({
    includes: [...own.includes, ...policyIncludes],
    excludes: [...own.excludes, ...policyExcludes],
  });
  const named = [...own.includes, ...policyIncludes];
  return {
    excludes: filter.excludes,
    included: filter.includes,
    named: (name) => named.length > 0 && filter.includes(name),
    untouched: named.length + own.excludes.length + policyExcludes.length === 0,
    everything: filter.everything,
  };
}

/** By the lists the user wrote: a labelled namespace that is left out does not make a backup partial. */
export function selectsAllNamespaces(spec: BackupSpec): boolean {
  return nameFilter({ includes: spec.includedNamespaces ?? [], excludes: spec.excludedNamespaces ?? [] }).everything;
}

function hasEntries(list: readonly string[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}
