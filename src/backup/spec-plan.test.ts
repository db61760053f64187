import { describe, expect, it } from "vitest";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { parseResourcePolicy } from "../api/resource-policy.ts";
import { globalPolicyProblems, namespaceProblems, policyProblems, specProblems } from "./spec-plan.ts";

describe("specProblems", () => {
  const rows: [spec: BackupSpec, problem: RegExp | undefined][] = [
    [{}, undefined],
    [{ includedNamespaces: ["*"], includedResources: ["pods"] }, undefined],
    [
      { includedNamespaces: ["a"], excludedNamespaces: ["a"] },
      /^Invalid included\/excluded namespace lists: excludes list cannot contain an item in the includes list: a$/,
    ],
    [
      { includedResources: ["x"], excludedResources: ["x"] },
      /^Invalid included\/excluded resource lists: excludes list cannot contain an item/,
    ],
    [
      { includedClusterScopedResources: ["x"], excludedClusterScopedResources: ["*"] },
      /^Invalid cluster-scoped included\/excluded resource lists: when exclude is/,
    ],
    [
      { includedNamespaceScopedResources: ["*", "x"] },
      /^Invalid namespace-scoped included\/excluded resource lists: includes list must/,
    ],
    [
      { includedNamespaces: ["Bad_Name"] },
      /^Invalid included\/excluded namespace lists: invalid namespace "Bad_Name": a lowercase RFC 1123 label/,
    ],
    [
      { labelSelector: {}, orLabelSelectors: [{}] },
      /^encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified$/,
    ],
    [
      { includeClusterResources: false, includedNamespaceScopedResources: ["pods"] },
      /old filter parameters.*includeClusterResources, includedNamespaceScopedResources/s,
    ],
    [{ snapshotVolumes: true }, /^snapshotVolumes: true .*copies no volume data yet/],
    [{ snapshotVolumes: false }, undefined],
    [{ defaultVolumesToFsBackup: true }, /^defaultVolumesToFsBackup: true/],
    [{ volumeSnapshotLocations: ["x"] } as BackupSpec, /^volumeSnapshotLocations/],
    [{ labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } }, /^Invalid label selector/],
  ];

  it.each(rows)("%j", (spec, problem) => {
    expect(specProblems(spec)).toEqual(problem === undefined ? [] : [expect.stringMatching(problem)]);
  });
});

it("refuses a namespace that is included by name and labelled out", () => {
  expect(namespaceProblems({ includedNamespaces: ["a", "hidden"] }, ["hidden"])).toEqual([
    "Invalid included/excluded namespace lists: excludes list cannot contain an item in the includes list: hidden",
  ]);
  expect(namespaceProblems({ includedNamespaces: ["a*"] }, ["hidden"])).toEqual([]);
});

const parsed = (text: string) => parseResourcePolicy({ "policy.yaml": text });

describe("policyProblems", () => {
  const spec: BackupSpec = { resourcePolicy: { kind: "ConfigMap", name: "p" } };

  it.each([
    [
      "an absent ConfigMap",
      spec,
      undefined,
      /^invalid resource policies: fail to get ResourcePolicies ns\/p ConfigMap: ConfigMap "p" not found$/,
    ],
    ["another kind", { resourcePolicy: { kind: "Secret", name: "p" } }, undefined, /kind Secret is not supported/],
    ["a broken one", spec, parsed("version: v2"), /incompatible version number v2/],
    [
      "one that demands data",
      spec,
      parsed("version: v1\nvolumePolicies: [{conditions: {}, action: {type: snapshot}}]"),
      /action snapshot: Holdfast copies no volume data/,
    ],
    [
      "lists beside the old family",
      { ...spec, includedResources: ["pods"] },
      parsed("version: v1\nincludeExcludePolicy: {excludedNamespaceScopedResources: [pods]}"),
      /cannot be used with include-exclude policies/,
    ],
  ] as const)("refuses %s", (_name, given, policy, message) => {
    expect(policyProblems(given, "ns", policy)).toEqual([expect.stringMatching(message)]);
  });

  it("accepts a policy that skips volumes", () => {
    expect(
      policyProblems(
        spec,
        "ns",
        parsed("version: v1\nvolumePolicies: [{conditions: {storageClass: [a]}, action: {type: skip}}]"),
      ),
    ).toEqual([]);
  });
});

describe("globalPolicyProblems", () => {
  const RULE = "volumePolicies: [{action: {type: skip}}, {action: {type: fs-backup}}]";
  const FILTERS = "includeExcludePolicy: {}\nclusterScopedFilterPolicy: {resourceFilters: [{kinds: [Node]}]}";

  it.each([
    ["an absent ConfigMap", undefined, / not found: create it, or run without --global-backup-volume/],
    ["a broken one", parsed("version: v1\nvolumePolicies: [{action: {kind: skip}}]"), /: .*volumePolicies\[0\]/],
    ["filters", parsed(`version: v1\n${FILTERS}`), /: includeExcludePolicy would do nothing: only volumePolicies hold/],
    [
      "a demand of data",
      parsed(`version: v1\n${RULE}`),
      /: volumePolicies\[1\] has the action fs-backup: Holdfast copies/,
    ],
  ])("are one for %s, with its place", (_what, policy, message) => {
    const problems = globalPolicyProblems({ namespace: "ns", name: "g" }, policy);

    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(problems[0]).toMatch(/^global volume policies: ConfigMap ns\/g/);
  });

  it("are none for rules that skip, and for sections without a word", () => {
    const text = "version: v1\nvolumePolicies: [{action: {type: skip}}]\nnamespacedFilterPolicies:";

    expect(globalPolicyProblems({ namespace: "ns", name: "g" }, parsed(text))).toEqual([]);
  });
});
