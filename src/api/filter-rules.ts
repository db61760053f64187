/**
 * Velero's fine-grained filters, ready to be asked about an object: which of them is about it, and what that one lets
 * through. Backup and restore share them.
 */
import { CLUSTER_SCOPED, NAMESPACED, type NamespacedFilterPolicy, type ResourceFilter } from "./filter-policy.ts";
import { compileGlob } from "./glob.ts";
import { nameFilter } from "./include-exclude.ts";
import { type LabelSelector, type Labels, matchesAnyOf } from "./label-selector.ts";

/** The filters of a resource policy. */
export interface PolicyFilters {
  readonly clusterScopedFilters: readonly ResourceFilter[];
  readonly namespacedFilters: readonly NamespacedFilterPolicy[];
}

/** The resources that a kind of a filter is about, as `plural.group`; a name that nothing has comes back as it was. */
export type ResolveKind = (kind: string) => readonly string[];

/** One filter. */
export interface FilterRule {
  /** Where it stands: `namespacedFilterPolicies[0].resourceFilters[1]`. */
  readonly at: string;
  /** One must match; empty: any labels. */
  readonly selectors: readonly LabelSelector[];
  hasLabels(labels: Labels | undefined): boolean;
  hasName(name: string): boolean;
}

/** What the filters are to the objects of one resource in one namespace. */
export type FilterVerdict =
  /** Nothing: the spec's own selectors hold. */
  | { readonly type: "none" }
  | { readonly type: "filter"; readonly rule: FilterRule }
  /** The filters at this place are for the namespace, and none of them is for the resource. */
  | { readonly type: "unlisted"; readonly at: string };

/** Asks the filters about a resource in a namespace, "" for a cluster-scoped one. */
export type FilterLookup = (resource: string, namespace: string) => FilterVerdict;

const NONE: FilterVerdict = { type: "none" };

/** The filters of one namespace, or of cluster-scoped objects, by resource, and what holds for all others. */
interface Verdicts {
  readonly byResource: ReadonlyMap<string, FilterVerdict>;
  readonly others: FilterVerdict;
}

/** Compiles filters that were read. */
export function filterLookup(
  { clusterScopedFilters, namespacedFilters }: PolicyFilters,
  resolve: ResolveKind,
): FilterLookup {
  const ofCluster = verdicts(clusterScopedFilters, CLUSTER_SCOPED, NONE, resolve);
  const ofNamespace = byNamespace(namespacedFilters, resolve);
  return (resource, namespace) => {
    const { byResource, others } = namespace === "" ? ofCluster : ofNamespace(namespace);
    return byResource.get(resource) ?? others;
  };
}

/** A name wins over patterns; of patterns, the first. */
function byNamespace(policies: readonly NamespacedFilterPolicy[], resolve: ResolveKind): (name: string) => Verdicts {
  const entries = policies.flatMap(({ namespaces, filters }, index) => {
    const at = `${NAMESPACED}[${index}]`;
    const found = verdicts(filters, at, { type: "unlisted", at }, resolve);
    return namespaces.map((pattern) => ({ pattern, found, matches: compileGlob(pattern) }));
  });
  const byName = new Map(entries.map(({ pattern, found }) => [pattern, found]));
  const known = new Map<string, Verdicts>();
  return (namespace) => {
    const before = known.get(namespace);
    if (before !== undefined) return before;
    const first = entries.find(({ matches }) => matches(namespace))?.found;
    const found = byName.get(namespace) ?? first ?? { byResource: new Map(), others: NONE };
    known.set(namespace, found);
    return found;
  };
}

function verdicts(
  filters: readonly ResourceFilter[],
  at: string,
  otherwise: FilterVerdict,
  resolve: ResolveKind,
): Verdicts {
  const byResource = new Map<string, FilterVerdict>();
  let others = otherwise;
  for (const [index, filter] of filters.entries()) {
    const verdict: FilterVerdict = { type: "filter", rule: filterRule(filter, `${at}.resourceFilters[${index}]`) };
    if (filter.kinds.length === 0) others = verdict;
    for (const resource of filter.kinds.flatMap(resolve)) byResource.set(resource, verdict);
  }
  return { byResource, others };
}

function filterRule({ selectors, names, excludedNames }: ResourceFilter, at: string): FilterRule {
  return {
    at,
    selectors,
    hasLabels: (labels) => matchesAnyOf(selectors, labels),
    hasName: nameFilter({ includes: names, excludes: excludedNames }).includes,
  };
}
