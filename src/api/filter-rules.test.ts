import { describe, expect, it } from "vitest";
import { filterConflicts, filterWarnings } from "./filter-checks.ts";
import { filterLookup, type PolicyFilters } from "./filter-rules.ts";
import { parseResourcePolicy } from "./resource-policy.ts";

const KINDS: Readonly<Record<string, readonly string[]>> = {
  Pod: ["pods"],
  po: ["pods"],
  Widget: ["widgets.a.io", "widgets.b.io"],
  Node: ["nodes"],
};
const resolve = (kind: string): readonly string[] => KINDS[kind] ?? [kind];

function filters(text: string): PolicyFilters {
  const parsed = parseResourcePolicy({ policy: `version: v1\n${text}` });
  if (parsed.type === "refused") throw new Error(parsed.problem);
  return parsed.policy;
}

const TEAMS = filters(`namespacedFilterPolicies:
- namespaces: [team-*]
  resourceFilters: [{kinds: [Widget]}, {kinds: ["*"], labelSelector: {matchLabels: {a: "1"}}}]
- namespaces: [team-one]
  resourceFilters: [{kinds: [Pod], names: [web-*]}]
clusterScopedFilterPolicy:
  resourceFilters: [{kinds: [Node], excludedNames: [old]}]
`);

describe("the filter for an object", () => {
  const lookup = filterLookup(TEAMS, resolve);
  const placeOf = (resource: string, namespace: string): string => {
    const verdict = lookup(resource, namespace);
    return verdict.type === "filter" ? verdict.rule.at : verdict.type === "unlisted" ? `not in ${verdict.at}` : "none";
  };

  it.each([
    ["widgets.a.io", "team-two", "namespacedFilterPolicies[0].resourceFilters[0]"],
    ["widgets.b.io", "team-two", "namespacedFilterPolicies[0].resourceFilters[0]"],
    ["pods", "team-two", "namespacedFilterPolicies[0].resourceFilters[1]"],
    ["pods", "team-one", "namespacedFilterPolicies[1].resourceFilters[0]"],
    ["widgets.a.io", "team-one", "not in namespacedFilterPolicies[1]"],
    ["pods", "elsewhere", "none"],
    ["nodes", "", "clusterScopedFilterPolicy.resourceFilters[0]"],
    ["namespaces", "", "none"],
  ])("of %s in %j is %s", (resource, namespace, expected) => {
    expect(placeOf(resource, namespace)).toBe(expected);
  });
});

describe("names of one resource in two filters of a place", () => {
  it.each([
    [
      "namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{kinds: [Pod]}, {kinds: [po]}]}]",
      'namespacedFilterPolicies[0]: ambiguous policy: duplicate kind: "Pod" of resourceFilters[0] and "po" of resourceFilters[1] are both pods: name it once',
    ],
    [
      "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [Node, nodes]}]}",
      'clusterScopedFilterPolicy: ambiguous policy: duplicate kind: "Node" of resourceFilters[0] and "nodes" of resourceFilters[0] are both nodes: name it once',
    ],
  ])("are a conflict that names both: %s", (text, conflict) => {
    expect(filterConflicts(filters(text), resolve)).toEqual([conflict]);
  });

  it("are none in two places", () => {
    const text = "{kinds: [Pod]}";
    const two = `namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [${text}]}, {namespaces: [b], resourceFilters: [${text}]}]`;

    expect(filterConflicts(filters(two), resolve)).toEqual([]);
  });
});

it("a filter that does nothing says why, in the words of who asks", () => {
  const warnings = filterWarnings(
    filters(
      "namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{kinds: [Node]}, {kinds: [Ghost, Pod, Widget]}]}]",
    ),
    {
      resolve,
      isNamespaced: (name) => ({ nodes: false, pods: true, "widgets.a.io": true })[name],
      isExcluded: (name) => name === "pods",
      what: "restore",
      unknown: "is nowhere",
    },
  );

  expect(warnings).toEqual([
    'namespacedFilterPolicies[0].resourceFilters[0]: kind "Node" is cluster-scoped and never matches: did you mean clusterScopedFilterPolicy?',
    'namespacedFilterPolicies[0].resourceFilters[1]: kind "Ghost" is nowhere: the filter selects nothing of it',
    'namespacedFilterPolicies[0].resourceFilters[1]: kind "Pod" is excluded from the whole restore: the filter has no effect',
  ]);
});
