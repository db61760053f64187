import { describe, expect, it } from "vitest";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { expirationMs, type MarkerFacts, markerObject } from "./marker-plan.ts";
import type { BackupRequest } from "./types.ts";

const request = (spec: BackupSpec, more: Partial<BackupRequest> = {}): BackupRequest => ({
  name: "b",
  namespace: "holdfast",
  spec,
  cluster: "prod",
  storageLocation: "s3",
  claim: { token: "t", term: 1, clusterUid: "u" },
  ...more,
});

const FACTS: MarkerFacts = {
  phase: "Completed",
  startTimestamp: "2026-01-01T00:00:00Z",
  completionTimestamp: "2026-01-01T00:01:00Z",
  expiration: undefined,
  items: 0,
  warnings: 0,
  errors: 0,
  hookStatus: { hooksAttempted: 0, hooksFailed: 0 },
  serverVersion: { gitVersion: "v1.36.3", major: "1", minor: "36" },
  labelledOut: ["hidden"],
};

describe("markerObject", () => {
  it("spells the defaults out as Velero does, and leaves zeros away", () => {
    const marker = markerObject(request({}), FACTS);

    expect(marker.spec).toMatchObject({
      metadata: {},
      includedNamespaces: ["*"],
      excludedNamespaces: ["hidden"],
      ttl: "720h0m0s",
      hooks: {},
      storageLocation: "s3",
      excludedClusterScopedResources: ["volumesnapshotcontents.snapshot.storage.k8s.io"],
    });
    expect(marker.status).toEqual({
      version: 1,
      formatVersion: "1.1.0",
      phase: "Completed",
      startTimestamp: FACTS.startTimestamp,
      completionTimestamp: FACTS.completionTimestamp,
      progress: {},
      hookStatus: {},
    });
  });

  it("puts its own excludes into the family the spec uses", () => {
    const marker = markerObject(request({ excludedResources: ["pods"] }), FACTS);

    expect(marker.spec).toMatchObject({
      excludedResources: [
        "pods",
        "volumesnapshots.snapshot.storage.k8s.io",
        "volumesnapshotcontents.snapshot.storage.k8s.io",
      ],
    });
    expect(marker.spec).not.toHaveProperty("excludedClusterScopedResources");
  });

  it("cuts and hashes label values over 63 characters", () => {
    const marker = markerObject(request({}, { storageLocation: "x".repeat(70) }), FACTS);

    expect(marker.metadata.labels?.["velero.io/storage-location"]).toMatch(/^x{57}[0-9a-f]{6}$/);
  });
});

describe("expirationMs", () => {
  it.each([
    ["720h unless told", {}, 720 * 3_600_000],
    ["the spec's ttl", { ttl: "1h" }, 3_600_000],
    ["never with a ttl of zero", { ttl: "0s" }, undefined],
  ] as [string, BackupSpec, number | undefined][])("is %s", (_name, spec, expected) => {
    expect(expirationMs(request(spec), 0)).toBe(expected);
  });
});
