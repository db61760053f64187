/**
 * Velero's fine-grained filters: rules for the kinds of chosen namespaces, and of cluster-scoped objects, each with
 * labels and names of its own. Backup and restore share the format.
 */
import { globProblem } from "./glob.ts";
import { namespacePatternProblem } from "./include-exclude.ts";
import { type LabelSelector, labelSelectorProblems, selectsEverything } from "./label-selector.ts";
import { asList, asRecord, asText, asTextMap, asTexts, onlyFields, PolicyProblem } from "./policy-fields.ts";

/** Filters for the namespaces that a name or pattern matches; a name wins over patterns, and of these the first. */
export interface NamespacedFilterPolicy {
  readonly namespaces: readonly string[];
  /** Nothing of a kind that none of them has is selected in these namespaces. */
  readonly filters: readonly ResourceFilter[];
}

/** What is selected of some kinds. */
export interface ResourceFilter {
  /** As users write them; empty: every kind that no other filter beside it names. */
  readonly kinds: readonly string[];
  /** One must match; empty: any labels. */
  readonly selectors: readonly LabelSelector[];
  /** Globs; empty: any name. */
  readonly names: readonly string[];
  /** Globs, which win over `names`. */
  readonly excludedNames: readonly string[];
}

const FILTER_FIELDS = ["kinds", "labelSelector", "orLabelSelectors", "names", "excludedNames"];
/** The two sections of a policy that hold filters. */
export const NAMESPACED = "namespacedFilterPolicies";
export const CLUSTER_SCOPED = "clusterScopedFilterPolicy";

/** Reads `namespacedFilterPolicies`. @throws {PolicyProblem} */
export function readNamespacedFilters(value: unknown): NamespacedFilterPolicy[] {
  const policies = asList(value, NAMESPACED).map(readNamespacedPolicy);
  const seen = new Map<string, number>();
  for (const [index, { namespaces }] of policies.entries()) {
    for (const pattern of namespaces) {
      const before = seen.get(pattern);
      if (before !== undefined) {
        throw new PolicyProblem(
          `${NAMESPACED}: duplicate namespace pattern '${pattern}' found in policies [${before} ${index}]: name it once`,
        );
      }
      seen.set(pattern, index);
    }
  }
  return policies;
}

/** Reads `clusterScopedFilterPolicy`; empty where there is none. @throws {PolicyProblem} */
export function readClusterScopedFilters(value: unknown): ResourceFilter[] {
  if (value === undefined || value === null) return [];
  const policy = asRecord(value, CLUSTER_SCOPED);
  onlyFields(policy, ["resourceFilters"], `${CLUSTER_SCOPED}.`);
  const filters = readFilters(policy.resourceFilters, CLUSTER_SCOPED);
  if (filters.length === 0) {
    throw new PolicyProblem(
      `${CLUSTER_SCOPED}: resourceFilters cannot be empty; remove the policy block entirely if it is not needed`,
    );
  }
  const catchAll = filters.findIndex(({ kinds }) => kinds.length === 0);
  if (catchAll >= 0) {
    throw new PolicyProblem(
      `${CLUSTER_SCOPED}.resourceFilters[${catchAll}]: kinds must be specified (catch-all is not supported): name each cluster-scoped kind`,
    );
  }
  return filters;
}

function readNamespacedPolicy(value: unknown, index: number): NamespacedFilterPolicy {
  const at = `${NAMESPACED}[${index}]`;
  const policy = asRecord(value, at);
  onlyFields(policy, ["namespaces", "resourceFilters"], `${at}.`);
  const namespaces = asTexts(policy.namespaces, `${at}.namespaces`);
  if (namespaces.length === 0)
    throw new PolicyProblem(`${at}: at least one namespace must be specified in namespaces, by name or pattern`);
  for (const [place, pattern] of namespaces.entries()) {
    const problem = namespacePatternProblem(pattern);
    if (problem !== undefined) throw new PolicyProblem(`${at}.namespaces[${place}]: ${problem}`);
  }
  const filters = readFilters(policy.resourceFilters, at);
  if (filters.length === 0) {
    throw new PolicyProblem(
      `${at}: at least one resourceFilter must be specified in resourceFilters; kinds: ["*"] is one for every kind`,
    );
  }
  checkCatchAll(filters, at);
  return { namespaces, filters };
}

function checkCatchAll(filters: readonly ResourceFilter[], at: string): void {
  const open = [...filters.entries()].filter(([, { kinds }]) => kinds.length === 0);
  if (open.length > 1)
    throw new PolicyProblem(`${at}: only one catch-all resource filter is allowed: name the kinds of the others`);
  for (const [index, { names, excludedNames }] of open) {
    if (names.length > 0 || excludedNames.length > 0) {
      throw new PolicyProblem(
        `${at}.resourceFilters[${index}]: names or excludedNames cannot be specified for catch-all filters: name the kinds they are for`,
      );
    }
  }
}

function readFilters(value: unknown, at: string): ResourceFilter[] {
  const filters = asList(value, `${at}.resourceFilters`).map((filter, index) =>
    readFilter(filter, `${at}.resourceFilters[${index}]`),
  );
  const seen = new Map<string, number>();
  for (const [index, { kinds }] of filters.entries()) {
    for (const kind of kinds.filter((each) => each !== "*")) {
      const before = seen.get(kind);
      if (before !== undefined) {
        throw new PolicyProblem(
          `${at}: kind "${kind}" appears in both resourceFilters[${before}] and resourceFilters[${index}]: name it once`,
        );
      }
      seen.set(kind, index);
    }
  }
  return filters;
}

function readFilter(value: unknown, at: string): ResourceFilter {
  const filter = asRecord(value, at);
  onlyFields(filter, FILTER_FIELDS, `${at}.`);
  const kinds = asTexts(filter.kinds, `${at}.kinds`);
  return {
    kinds: kinds.length === 1 && kinds[0] === "*" ? [] : kinds,
    selectors: readSelectors(filter, at),
    names: readGlobs(filter.names, `${at}.names`),
    excludedNames: readGlobs(filter.excludedNames, `${at}.excludedNames`),
  };
}

/** An empty selector says nothing, among several too, as in Velero. */
function readSelectors(filter: Readonly<Record<string, unknown>>, at: string): LabelSelector[] {
  const single = readSelector(filter.labelSelector, `${at}.labelSelector`);
  const either = asList(filter.orLabelSelectors, `${at}.orLabelSelectors`).map((selector, index) =>
    readSelector(selector, `${at}.orLabelSelectors[${index}]`),
  );
  if (!selectsEverything(single) && either.length > 0)
    throw new PolicyProblem(`${at}: labelSelector and orLabelSelectors cannot co-exist: keep one of them`);
  return [single, ...either].filter((selector) => !selectsEverything(selector));
}

function readSelector(value: unknown, at: string): LabelSelector {
  const selector = asRecord(value, at);
  onlyFields(selector, ["matchLabels", "matchExpressions"], `${at}.`);
  const read = {
    matchLabels: asTextMap(selector.matchLabels, `${at}.matchLabels`),
    matchExpressions: asList(selector.matchExpressions, `${at}.matchExpressions`).map((entry, index) => {
      const place = `${at}.matchExpressions[${index}]`;
      const requirement = asRecord(entry, place);
      onlyFields(requirement, ["key", "operator", "values"], `${place}.`);
      return {
        key: asText(requirement.key, `${place}.key`),
        operator: asText(requirement.operator, `${place}.operator`),
        values: asTexts(requirement.values, `${place}.values`),
      };
    }),
  };
  const [problem] = labelSelectorProblems(read);
  if (problem !== undefined) throw new PolicyProblem(`${at}: invalid label selector: ${problem}`);
  return read;
}

function readGlobs(value: unknown, at: string): readonly string[] {
  const globs = asTexts(value, at);
  for (const [index, glob] of globs.entries()) {
    const problem = globProblem(glob);
    if (problem !== undefined) throw new PolicyProblem(`${at}[${index}]: invalid glob pattern "${glob}": ${problem}`);
  }
  return globs;
}
