import { describe, expect, it } from "vitest";
import { knownKinds } from "./filters.ts";
import { createLeftOut, leftOutNotes } from "./left-out.ts";
import { readRestorePolicy } from "./policy.ts";
import { restoreSpecProblems } from "./validate-spec.ts";

const REFERENCE = { resourcePolicy: { kind: "configmap", name: "filters" } };
const FILTERS = "namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{kinds: [Pod]}]}]";

describe("the policy of a restore", () => {
  it("is its filters", () => {
    expect(readRestorePolicy(REFERENCE, { policy: `version: v1\n${FILTERS}` })).toMatchObject({
      type: "filters",
      filters: { namespacedFilters: [{ namespaces: ["a"] }], clusterScopedFilters: [] },
    });
    expect(readRestorePolicy({}, undefined)).toEqual({ type: "none" });
  });

  it.each<[string, string | undefined, RegExp]>([
    ["a ConfigMap that is not there", undefined, /^resourcePolicy: fail to get ResourcePolicies filters ConfigMap/],
    [
      "volume policies",
      `version: v1\n${FILTERS}\nvolumePolicies: [{conditions: {}, action: {type: skip}}]`,
      /filters: volumePolicies not supported for restore/,
    ],
    [
      "lists of kinds",
      "version: v1\nincludeExcludePolicy: {excludedNamespaceScopedResources: [pods]}",
      /filters: includeExcludePolicy not supported for restore/,
    ],
    [
      "a filter without a namespace",
      "version: v1\nnamespacedFilterPolicies: [{resourceFilters: [{}]}]",
      /filters: namespacedFilterPolicies\[0\]: at least one namespace/,
    ],
    ["another version", "version: v2", /incompatible version number v2/],
  ])("is refused for %s, which is named", (_what, policy, problem) => {
    const spec = { source: { backupName: "b" }, ...REFERENCE };

    expect(restoreSpecProblems(spec, policy === undefined ? {} : { policyData: { policy } })).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it("is refused where it is no ConfigMap", () => {
    expect(readRestorePolicy({ resourcePolicy: { kind: "Secret", name: "a" } }, {})).toEqual({
      type: "refused",
      problem: 'resourcePolicy: invalid ResourcePolicy kind "Secret", only "configmap" is supported',
    });
  });
});

describe("a kind of a filter", () => {
  const { resolve, isNamespaced } = knownKinds(
    new Map([["pods", true]]),
    (name) => (/^pods?$/i.test(name) ? "pods" : name),
    [
      { resource: "widgets.a.io", kind: "Widget", namespaced: true },
      { resource: "widgets.b.io", kind: "Widget", namespaced: false },
      { resource: "pods.metrics.k8s.io", kind: "Pod", namespaced: true },
    ],
  );

  it.each([
    ["Pod", ["pods"]],
    ["widget", ["widgets.a.io", "widgets.b.io"]],
    ["Widget.b.io", ["widgets.b.io"]],
    ["widgets.a.io", ["widgets.a.io"]],
    ["Ghost", ["Ghost"]],
  ])("%s is what is served, else what the backup has: %j", (kind, expected) => {
    expect(resolve(kind)).toEqual(expected);
  });

  it("has a scope where somebody knows it", () => {
    expect(["pods", "widgets.a.io", "widgets.b.io", "Ghost"].map(isNamespaced)).toEqual([true, true, false, undefined]);
  });
});

it("what is left out is told by resource and reason, and a few are named", () => {
  const maps = createLeftOut();
  for (const name of ["a", "b", "c", "d", "e", "f", "g"]) maps.add("A takes other names", { namespace: "shop", name });
  maps.add("A takes other labels", { namespace: "shop", name: "z" });
  const classes = createLeftOut();
  classes.add("B takes other names", { namespace: "", name: "iron" });

  expect(
    leftOutNotes(
      new Map([
        ["configmaps", maps],
        ["secrets", createLeftOut()],
        ["priorityclasses", classes],
      ]),
    ),
  ).toEqual([
    "the resource policy leaves out 7 of configmaps: A takes other names (shop/a, shop/b, shop/c, shop/d, shop/e, and 2 more)",
    "the resource policy leaves out 1 of configmaps: A takes other labels (shop/z)",
    "the resource policy leaves out 1 of priorityclasses: B takes other names (iron)",
  ]);
});
