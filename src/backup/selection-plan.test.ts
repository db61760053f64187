import { describe, expect, it } from "vitest";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { parseResourcePolicy } from "../api/resource-policy.ts";
import { type ObjectSelection, objectSelection } from "./selection-plan.ts";

const NAMESPACED = new Map([
  ["pods", true],
  ["secrets", true],
  ["configmaps", true],
  ["nodes", false],
]);
const KINDS: Readonly<Record<string, string>> = { Pod: "pods", Secret: "secrets", cm: "configmaps", Node: "nodes" };
const pods = { name: "pods", namespaced: true };
const secrets = { name: "secrets", namespaced: true };
const nodes = { name: "nodes", namespaced: false };

function selection(text: string, spec: BackupSpec = {}): ObjectSelection {
  const parsed = parseResourcePolicy({ policy: `version: v1\n${text}` });
  if (parsed.type === "refused") throw new Error(parsed.problem);
  return objectSelection(spec, {
    resolve: (name) => KINDS[name] ?? name,
    isNamespaced: (name) => NAMESPACED.get(name),
    isExcluded: (name) => name === "secrets",
    policy: parsed.policy,
  });
}

const SPEC = { labelSelector: { matchLabels: { spec: "yes" } } };
const TEAMS = `namespacedFilterPolicies:
- namespaces: [team-*]
  resourceFilters:
  - {kinds: [Pod], labelSelector: {matchLabels: {app: web}}, names: ["web-*"], excludedNames: ["*-tmp"]}
  - {kinds: ["*"], orLabelSelectors: [{matchLabels: {a: "1"}}, {matchLabels: {b: "2"}}]}
- namespaces: [team-one, "*"]
  resourceFilters:
  - {kinds: [Pod]}
`;

describe("a namespace's filters", () => {
  const teams = selection(TEAMS, SPEC);

  it("take the place of the spec's selectors, kind by kind", () => {
    expect(teams.selectors(pods, "team-two")).toEqual(["app=web"]);
    expect(teams.selectors(secrets, "team-two")).toEqual(["a=1", "b=2"]);
    expect(selection("", SPEC).selectors(pods, "team-two")).toEqual(["spec=yes"]);
  });

  it("are those of its name before those of a pattern, and of patterns the first", () => {
    expect(teams.selectors(pods, "team-one")).toEqual([""]);
    expect(teams.selectors(secrets, "team-one")).toEqual([]);
    expect(teams.selectors(secrets, "other")).toEqual([]);
  });

  it("leave cluster-scoped objects to the spec", () => {
    expect(teams.selectors(nodes, "")).toEqual(["spec=yes"]);
    expect(teams.lists(nodes, { name: "n" })).toBe(false);
  });

  it.each([
    ["web-1", { app: "web" }, true, true],
    ["web-1", { app: "api" }, false, true],
    ["web-tmp", { app: "web" }, false, false],
    ["api", { app: "web" }, false, false],
  ])("list %s with %o: %s, and admit it where another object needs it: %s", (name, labels, listed, admitted) => {
    const object = { namespace: "team-two", name, labels };

    expect([teams.lists(pods, object), teams.admits(pods, object)]).toEqual([listed, admitted]);
  });

  it("admit an object of a kind that they don't list", () => {
    expect(teams.lists(secrets, { namespace: "team-one", name: "s" })).toBe(false);
    expect(teams.admits(secrets, { namespace: "team-one", name: "s" })).toBe(true);
  });

  it("differ where one LIST can't ask for all", () => {
    const one = selection("namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{kinds: [Pod]}]}]", SPEC);

    expect([one.differs(pods, ["b", "c"]), one.differs(pods, ["b", "a"])]).toEqual([false, true]);
  });
});

describe("filters of cluster-scoped kinds", () => {
  const some = selection(
    "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [Node], labelSelector: {matchLabels: {a: b}}, names: ['n*']}]}",
    SPEC,
  );

  it("take the place of the spec's selectors for their kinds, and leave the others", () => {
    expect(some.selectors(nodes, "")).toEqual(["a=b"]);
    expect(some.selectors({ name: "storageclasses", namespaced: false }, "")).toEqual(["spec=yes"]);
    expect(some.selectors(pods, "a")).toEqual(["spec=yes"]);
  });

  it("hold by name for what another object needs, too", () => {
    expect([some.admits(nodes, { name: "n1" }), some.admits(nodes, { name: "x" })]).toEqual([true, false]);
  });
});

it("warns of filters that do nothing", () => {
  const { warnings } = selection(`clusterScopedFilterPolicy: {resourceFilters: [{kinds: [Node, Pod, Ghost]}]}
namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{kinds: [Node]}, {kinds: [Ghost, Secret, Pod, "*"]}]}]`);

  expect(warnings).toEqual([
    'clusterScopedFilterPolicy.resourceFilters[0]: kind "Pod" is namespace-scoped and never matches: did you mean namespacedFilterPolicies?',
    'clusterScopedFilterPolicy.resourceFilters[0]: kind "Ghost" is not served here: the filter selects nothing of it',
    'namespacedFilterPolicies[0].resourceFilters[0]: kind "Node" is cluster-scoped and never matches: did you mean clusterScopedFilterPolicy?',
    'namespacedFilterPolicies[0].resourceFilters[1]: kind "Ghost" is not served here: the filter selects nothing of it',
    'namespacedFilterPolicies[0].resourceFilters[1]: kind "Secret" is excluded from the whole backup: the filter has no effect',
    'namespacedFilterPolicies[0].resourceFilters[1]: kind "*" is not served here: the filter selects nothing of it',
  ]);
});
