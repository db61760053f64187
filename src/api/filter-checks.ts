/** What only the server's kinds can tell of a policy's filters: those that do nothing, and those that contradict each other. */
import { CLUSTER_SCOPED, NAMESPACED, type ResourceFilter } from "./filter-policy.ts";
import type { PolicyFilters, ResolveKind } from "./filter-rules.ts";

export interface KindContext {
  readonly resolve: ResolveKind;
  /** Undefined for a resource that nobody knows. */
  readonly isNamespaced: (resource: string) => boolean | undefined;
  /** True for a resource that the spec's own filters leave out. */
  readonly isExcluded: (resource: string) => boolean;
  /** What the filters are of: `backup` or `restore`. */
  readonly what: string;
  /** Where a kind was looked for: `is not served here`. */
  readonly unknown: string;
}

/** Filters that do nothing, and why. */
export function filterWarnings(filters: PolicyFilters, context: KindContext): string[] {
  return placesOf(filters).flatMap(({ at, filters: some, namespaced }) =>
    some.flatMap(({ kinds }, index) =>
      kinds.flatMap((kind) => {
        const problem = kindProblem(kind, namespaced, context);
        return problem === undefined ? [] : [`${at}.resourceFilters[${index}]: kind "${kind}" ${problem}`];
      }),
    ),
  );
}

function kindProblem(
  kind: string,
  namespaced: boolean,
  { resolve, isNamespaced, isExcluded, what, unknown }: KindContext,
): string | undefined {
  const [name = kind] = resolve(kind);
  const found = isNamespaced(name);
  if (found === undefined) return `${unknown}: the filter selects nothing of it`;
  if (found !== namespaced) {
    return namespaced
      ? `is cluster-scoped and never matches: did you mean ${CLUSTER_SCOPED}?`
      : `is namespace-scoped and never matches: did you mean ${NAMESPACED}?`;
  }
  return namespaced && isExcluded(name) ? `is excluded from the whole ${what}: the filter has no effect` : undefined;
}

/** Kinds of one place that are the same resource under two names: which filter is meant can't be told. */
export function filterConflicts(filters: PolicyFilters, resolve: ResolveKind): string[] {
  return placesOf(filters).flatMap(({ at, filters: some }) => {
    const seen = new Map<string, string>();
    return some.flatMap(({ kinds }, index) =>
      kinds.flatMap((kind) =>
        resolve(kind).flatMap((resource) => {
          const place = `"${kind}" of resourceFilters[${index}]`;
          const before = seen.get(resource);
          seen.set(resource, place);
          return before === undefined
            ? []
            : [`${at}: ambiguous policy: duplicate kind: ${before} and ${place} are both ${resource}: name it once`];
        }),
      ),
    );
  });
}

interface Place {
  readonly at: string;
  readonly filters: readonly ResourceFilter[];
  readonly namespaced: boolean;
}

function placesOf({ clusterScopedFilters, namespacedFilters }: PolicyFilters): Place[] {
  return [
    { at: CLUSTER_SCOPED, filters: clusterScopedFilters, namespaced: false },
    ...namespacedFilters.map(({ filters }, index) => ({ at: `${NAMESPACED}[${index}]`, filters, namespaced: true })),
  ];
}
