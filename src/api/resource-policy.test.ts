import { describe, expect, it } from "vitest";
import { parseQuantity, parseResourcePolicy, type VolumeFacts, volumeAction } from "./resource-policy.ts";

const VOLUME: VolumeFacts = {
  capacityBytes: 5 * 1024 ** 3,
  storageClass: "gp2",
  csi: { driver: "ebs", volumeAttributes: { zone: "a", tier: "x" } },
  volumeType: "csi",
  pvcLabels: { app: "db" },
  pvcPhase: "Bound",
};

describe("volumeAction", () => {
  it.each([
    ["{}", "skip"],
    ['{capacity: "0,10Gi"}', "skip"],
    ['{capacity: "10Gi,"}', undefined],
    ['{capacity: ",5Gi"}', "skip"],
    ["{storageClass: [gp2, gp3]}", "skip"],
    ["{storageClass: [io1]}", undefined],
    ["{csi: {}}", "skip"],
    ["{csi: {driver: ebs, volumeAttributes: {zone: a}}}", "skip"],
    ["{csi: {driver: ebs, volumeAttributes: {zone: b}}}", undefined],
    ["{nfs: {}}", undefined],
    ["{volumeTypes: [hostPath]}", undefined],
    ["{pvcLabels: {app: db}, pvcPhase: [Bound]}", "skip"],
    ["{pvcLabels: {app: web}}", undefined],
  ])("conditions %s: %s", (conditions, expected) => {
    const parsed = parseResourcePolicy({
      p: `version: v1\nvolumePolicies: [{conditions: ${conditions}, action: {type: skip}}]`,
    });

    expect(parsed.type === "parsed" && volumeAction(parsed.policy, VOLUME)).toBe(expected);
  });

  it("takes the first rule that matches", () => {
    const parsed = parseResourcePolicy({
      p: "version: v1\nvolumePolicies:\n- {conditions: {storageClass: [gp2]}, action: {type: custom}}\n- {conditions: {}, action: {type: skip}}",
    });

    expect(parsed.type === "parsed" && volumeAction(parsed.policy, VOLUME)).toBe("custom");
  });
});

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

it.each([
  ["10Gi", 10 * 1024 ** 3],
  ["500M", 5e8],
  ["1500m", 1.5],
  ["2", 2],
  ["1e3", 1000],
  ["x", undefined],
])("the quantity %s is %s", (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});
