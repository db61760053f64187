import { describe, expect, it } from "vitest";
import { isCounted } from "./quota-lanes.ts";

describe("what a ResourceQuota counts", () => {
  it.each([
    ["pods", "pods", true],
    ["pods", "requests.cpu", true],
    ["pods", "limits.memory", true],
    ["pods", "requests.storage", false],
    ["configmaps", "count/configmaps", true],
    ["deployments.apps", "count/deployments.apps", true],
    ["deployments.apps", "cpu", false],
    ["services", "services.nodeports", true],
    ["persistentvolumeclaims", "requests.storage", true],
    ["persistentvolumeclaims", "fast.storageclass.storage.k8s.io/requests.storage", true],
    ["secrets", "configmaps", false],
  ])("of %s under %s: %s", (resource, limit, expected) => {
    expect(isCounted(resource, new Set([limit]))).toBe(expected);
  });
});
