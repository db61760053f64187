import { describe, expect, it } from "vitest";
import { parseResourcePolicy } from "./resource-policy.ts";
import { parseQuantity, type VolumeFacts, volumeAction } from "./volume-policy.ts";

const VOLUME: VolumeFacts = {
  capacityBytes: 5 * 1024 ** 3,
  storageClass: "gp2",
  csi: { driver: "ebs", volumeAttributes: { zone: "a", tier: "x" } },
  volumeType: "csi",
  pvcLabels: { app: "db", replicas: "3" },
  pvcPhase: "Bound",
  pvcVolumeMode: "Block",
  pvcAccessModes: ["ReadWriteOnce", "ReadOnlyMany"],
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
    ["{pvcLabels: {replicas: 3}}", "skip"],
    ['{capacity: "5Gi,0"}', "skip"],
    ["{nfs: }", "skip"],
    ["{pvcVolumeMode: Block}", "skip"],
    ['{pvcVolumeMode: ""}', "skip"],
    ["{pvcVolumeMode: Filesystem}", undefined],
    ["{pvcAccessModes: [ReadOnlyMany, ReadWriteOnce]}", "skip"],
    ["{pvcAccessModes: []}", "skip"],
    ["{pvcAccessModes: [ReadWriteOnce]}", undefined],
    ["{pvcAccessModes: [ReadWriteOnce, ReadWriteOnce]}", undefined],
    ["{pvcAccessModes: [ReadWriteOnce, ReadOnlyMany, ReadWriteMany]}", undefined],
  ])("conditions %s: %s", (conditions, expected) => {
    const parsed = parseResourcePolicy({
      p: `version: v1\nvolumePolicies: [{conditions: ${conditions}, action: {type: skip}}]`,
    });

    expect(parsed.type === "parsed" && volumeAction(parsed.policy.volumePolicies, VOLUME)).toBe(expected);
  });

  it("takes the first rule that matches", () => {
    const parsed = parseResourcePolicy({
      p: "version: v1\nvolumePolicies:\n- {conditions: {storageClass: [gp2]}, action: {type: custom}}\n- {conditions: {}, action: {type: skip}}",
    });

    expect(parsed.type === "parsed" && volumeAction(parsed.policy.volumePolicies, VOLUME)).toBe("custom");
  });
});

describe("a volume policy is refused", () => {
  it.each([
    [
      "{pvcVolumeMode: 1}",
      /^volumePolicies\[0\]\.conditions\.pvcVolumeMode must be a string, got 1: put it in quotes$/,
    ],
    ["{pvcVolumeMode: }", /conditions\.pvcVolumeMode has no value: write one, or take it out$/],
    ["{pvcAccessModes: }", /conditions\.pvcAccessModes has no value/],
    ["{pvcLabels: }", /conditions\.pvcLabels has no value/],
    ["{pvcAccessModes: ReadWriteOnce}", /conditions\.pvcAccessModes must be a list$/],
    ["{pvcAccessModes: [true]}", /conditions\.pvcAccessModes\[0\] must be a string, got true/],
    ["{pvcLabels: [a]}", /conditions\.pvcLabels must be a map$/],
    [
      "{csi: {volumeAttributes: {a: b}}}",
      /csi driver should not be empty .* name it in volumePolicies\[0\]\.conditions\.csi\.driver$/,
    ],
    ["{csi: {name: b}}", /unknown field volumePolicies\[0\]\.conditions\.csi\.name$/],
    ["{nfs: {host: b}}", /unknown field volumePolicies\[0\]\.conditions\.nfs\.host$/],
    ['{capacity: "10Gi,5Gi"}', /illegal values for capacity 10Gi,5Gi/],
  ])("conditions %s", (conditions, problem) => {
    const text = `version: v1\nvolumePolicies: [{conditions: ${conditions}, action: {type: skip}}]`;

    expect(parseResourcePolicy({ p: text })).toEqual({ type: "refused", problem: expect.stringMatching(problem) });
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
