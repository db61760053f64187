/**
 * Which objects of the kinds that are listed go in: the spec's label selectors, or a filter of the resource policy that
 * takes their place for the kinds and namespaces it names. Pure.
 */
import { filterWarnings } from "../api/filter-checks.ts";
import { type FilterVerdict, filterLookup } from "../api/filter-rules.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { formatLabelSelector, type LabelSelector, type Labels, matchesAnyOf } from "../api/label-selector.ts";
import type { ResolveResource } from "../api/resource-name.ts";
import type { ResourcePolicy } from "../api/resource-policy.ts";
import type { ScopedResource } from "./scope-plan.ts";

/** What is asked about an object. */
export interface ObjectFacts {
  /** Undefined or "" for a cluster-scoped object. */
  readonly namespace?: string;
  readonly name: string;
  readonly labels?: Labels;
}

export interface ObjectSelection {
  /** True when a LIST of the resource over these namespaces can't ask for what each of them wants. */
  differs(resource: ScopedResource, namespaces: readonly string[]): boolean;
  /** The spec's own, in the form LIST takes: one LIST each, `[""]` for everything. */
  readonly own: readonly string[];
  /** For a LIST in one namespace, or "": one LIST each, `[""]` for everything, none where nothing is selected. */
  selectors(resource: ScopedResource, namespace: string): readonly string[];
  /** A LIST with those selectors gives the object. */
  lists(resource: ScopedResource, object: ObjectFacts): boolean;
  /** Its name may go in, listed or needed by another object: filters by name hold for both. */
  admits(resource: ScopedResource, object: Pick<ObjectFacts, "namespace" | "name">): boolean;
  /** Filters that do nothing, and why. */
  readonly warnings: readonly string[];
}

/** What the selection depends on beside the spec. */
export interface SelectionContext {
  readonly resolve: ResolveResource;
  readonly isNamespaced: (name: string) => boolean | undefined;
  /** True for a resource that the backup's own filters exclude. */
  readonly isExcluded: (name: string) => boolean;
  readonly policy?: ResourcePolicy | undefined;
}

const NO_FILTERS = { clusterScopedFilters: [], namespacedFilters: [] };

/** The selection of a spec and a policy that were validated. */
export function objectSelection(spec: BackupSpec, context: SelectionContext): ObjectSelection {
  const { resolve, isNamespaced, isExcluded, policy = NO_FILTERS } = context;
  const kindsOf = (kind: string): readonly string[] => [resolve(kind)];
  const lookup = filterLookup(policy, kindsOf);
  const verdictOf = ({ name, namespaced }: ScopedResource, namespace: string): FilterVerdict =>
    lookup(name, namespaced ? namespace : "");
  const own = specSelectors(spec);
  return {
    own: asLists(own),
    differs: (resource, namespaces) => namespaces.some((namespace) => verdictOf(resource, namespace).type !== "none"),
    selectors: (resource, namespace) => {
      const verdict = verdictOf(resource, namespace);
      if (verdict.type === "unlisted") return [];
      return asLists(verdict.type === "none" ? own : verdict.rule.selectors);
    },
    lists: (resource, { namespace = "", name, labels }) => {
      const verdict = verdictOf(resource, namespace);
      if (verdict.type === "none") return matchesAnyOf(own, labels);
      return verdict.type === "filter" && verdict.rule.hasName(name) && verdict.rule.hasLabels(labels);
    },
    // What another object needs comes along even where its kind is not listed, as in Velero.
    admits: (resource, { namespace = "", name }) => {
      const verdict = verdictOf(resource, namespace);
      return verdict.type !== "filter" || verdict.rule.hasName(name);
    },
    warnings: filterWarnings(policy, {
      resolve: kindsOf,
      isNamespaced,
      isExcluded,
      what: "backup",
      unknown: "is not served here",
    }),
  };
}

function specSelectors({ labelSelector, orLabelSelectors = [] }: BackupSpec): readonly LabelSelector[] {
  if (orLabelSelectors.length > 0) return orLabelSelectors;
  return labelSelector === undefined ? [] : [labelSelector];
}

/** One LIST each. */
function asLists(selectors: readonly LabelSelector[]): readonly string[] {
  return selectors.length === 0 ? [""] : selectors.map(formatLabelSelector);
}
