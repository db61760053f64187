import { describe, expect, it } from "vitest";
import { parseResourcePolicy } from "./resource-policy.ts";

describe("parseResourcePolicy refuses", () => {
  it.each([
    ["version: v1\nvolumePolicie: []", /unknown field volumePolicie$/],
    ["version: v2", /incompatible version number v2/],
    [
      "version: v1\nvolumePolicies: [{conditions: {size: 1}, action: {type: skip}}]",
      /unknown field volumePolicies\[0\].conditions.size/,
    ],
    ["version: v1\nvolumePolicies: [{conditions: {}, action: {type: drop}}]", /invalid action type drop/],
    [
      'version: v1\nvolumePolicies: [{conditions: {capacity: "1Gi"}, action: {type: skip}}]',
      /wrong format of Capacity 1Gi/,
    ],
    ["version: v1\nincludeExcludePolicy: {excludedNamespaceScopedResources: ['*']}", /cannot use '\*'/],
    [
      "version: v1\nincludeExcludePolicy: {includedClusterScopedResources: [a, b], excludedClusterScopedResources: [b]}",
      /excludes list cannot contain an item in the includes list: b$/,
    ],
    [
      "version: v1\nincludeExcludePolicy: {includedNamespaceScopedResources: [c], excludedNamespaceScopedResources: [c]}",
      /excludes list cannot contain an item in the includes list: c$/,
    ],
    ["version: [", /failed to decode yaml/],
    ["version: v1\nversion: v1", /failed to decode yaml/],
  ])("%s", (text, problem) => {
    expect(parseResourcePolicy({ p: text })).toEqual({ type: "refused", problem: expect.stringMatching(problem) });
  });

  it("a ConfigMap with two keys, or none", () => {
    expect(parseResourcePolicy({ a: "version: v1", b: "" }).type).toBe("refused");
    expect(parseResourcePolicy({}).type).toBe("refused");
  });
});
