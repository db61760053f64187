import { describe, expect, it } from "vitest";
import { NOT_COPIED, unprotectedVolume, volumeInfoRows } from "./unprotected.ts";

describe("volumes without data", () => {
  const volumes = new Map([
    ["pv-1", { name: "pv-1", reclaimPolicy: "Retain", labels: { a: "b" } }],
    ["pv-free", { name: "pv-free", reclaimPolicy: "Delete", labels: undefined }],
  ]);

  it("says nothing of a claim that is not bound", () => {
    expect(unprotectedVolume({ namespace: "a", name: "c", volumeName: "" }, undefined)).toBeUndefined();
  });

  it("writes one row per volume, in Velero's shape", () => {
    const bound = unprotectedVolume({ namespace: "a", name: "c", volumeName: "pv-1" }, undefined);
    const elsewhere = unprotectedVolume(
      { namespace: "a", name: "d", volumeName: "pv-2" },
      "skipped by the volume policy",
    );

    const rows = volumeInfoRows(
      [bound, elsewhere].flatMap((row) => row ?? []),
      volumes,
    );

    const flags = { snapshotDataMoved: false, preserveLocalSnapshot: false, skipped: true };
    expect(rows).toEqual([
      {
        pvcName: "c",
        pvcNamespace: "a",
        pvName: "pv-1",
        ...flags,
        skippedReason: `any: ${NOT_COPIED};`,
        pvInfo: { reclaimPolicy: "Retain", labels: { a: "b" } },
      },
      {
        pvcName: "d",
        pvcNamespace: "a",
        pvName: "pv-2",
        ...flags,
        skippedReason: "any: skipped by the volume policy;",
      },
      {
        pvName: "pv-free",
        ...flags,
        skippedReason: `any: ${NOT_COPIED};`,
        pvInfo: { reclaimPolicy: "Delete", labels: null },
      },
    ]);
  });
});
