import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import type { TestItem } from "../../src/storage/testing.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { writeVeleroFolder } from "../support/velero-folder.ts";
import { restore } from "./restore-support.ts";

/** A claim that was bound, and its volume, as an archive holds them. */
function pair(
  source: string,
  claim: string,
  { volume, reclaimPolicy = "Retain", storageClassName = "" }: Readonly<Record<string, string>>,
): TestItem[] {
  const capacity = { storage: "1Gi" };
  const accessModes = ["ReadWriteOnce"];
  const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace: source, name: claim, uid: "old" };
  return [
    {
      resource: "persistentvolumeclaims",
      object: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: claim, namespace: source },
        spec: { accessModes, storageClassName, resources: { requests: capacity }, volumeName: volume },
        status: { phase: "Bound" },
      },
    },
    {
      resource: "persistentvolumes",
      object: {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: String(volume) },
        spec: {
          accessModes,
          capacity,
          storageClassName,
          persistentVolumeReclaimPolicy: reclaimPolicy,
          hostPath: { path: `/tmp/${volume}` },
          claimRef,
        },
      },
    },
  ];
}

describe("what Velero saved of the data of volumes", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it("is told from the lists of a backup of before Velero 1.13, which has no volume info", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const prefix = uniqueName("old");
    const claims = ["copied", "snapshotted", "moved", "native", "kept", "gone"];
    const items = claims.flatMap((claim) =>
      pair("shop", claim, { volume: `${prefix}-${claim}`, reclaimPolicy: claim === "gone" ? "Delete" : "Retain" }),
    );
    const dataUpload: KubeObject = {
      apiVersion: "velero.io/v2alpha1",
      kind: "DataUpload",
      metadata: { name: "upload", namespace: "velero" },
      spec: { sourceNamespace: "shop", sourcePVC: "moved" },
    };
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", [...items, { resource: "datauploads.velero.io", object: dataUpload }], {
      volumesnapshots: [{ spec: { persistentVolumeName: `${prefix}-native` }, status: { phase: "Completed" } }],
      podvolumebackups: [
        {
          metadata: { name: "p", annotations: { "velero.io/pvc-name": "copied" } },
          spec: { pod: { kind: "Pod", namespace: "shop", name: "web" }, volume: "data" },
        },
        { metadata: { name: "other" }, spec: { pod: { kind: "Pod", namespace: "shop", name: "web" }, volume: "tmp" } },
        {
          metadata: { name: "elsewhere", annotations: { "velero.io/pvc-name": "kept" } },
          spec: { pod: { kind: "Pod", namespace: "store", name: "web" }, volume: "data" },
        },
      ],
      "csi-volumesnapshots": [
        { metadata: { name: "s", namespace: "shop" }, spec: { source: { persistentVolumeClaimName: "snapshotted" } } },
        { metadata: { name: "t", namespace: "shop" }, spec: { source: {} } },
      ],
      itemoperations: null,
    });

    const { outcome, records } = await restore(kube, store, { spec: { namespaceMapping: { shop: target } } });

    const volumes = records.filter(({ kind }) => kind === "PersistentVolume");
    expect(Object.fromEntries(volumes.map(({ name, outcome: what }) => [name.slice(prefix.length + 1), what]))).toEqual(
      {
        copied: "skipped",
        snapshotted: "skipped",
        moved: "skipped",
        native: "created",
        kept: "created",
        gone: "skipped",
      },
    );
    const volumeOf = async (claim: string) =>
      ((await cluster.get("PersistentVolumeClaim", target, claim)).spec as { volumeName?: string }).volumeName;
    expect(await Promise.all(claims.map(volumeOf))).toEqual([
      undefined,
      undefined,
      undefined,
      `${prefix}-native`,
      `${prefix}-kept`,
      undefined,
    ]);
    expect(outcome).toMatchObject({ phase: "Completed", errors: 0 });
    for (const claim of claims) await cluster.delete("PersistentVolumeClaim", target, claim);
    for (const claim of ["native", "kept"]) await cluster.delete("PersistentVolume", undefined, `${prefix}-${claim}`);
  });

  it("brings the reclaim policy and labels of a volume to the one that is provisioned for its claim", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const [fast, late] = [uniqueName("fast"), uniqueName("late")];
    const storageClass = (name: string, volumeBindingMode: string) => ({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name },
      provisioner: "kubernetes.io/host-path",
      reclaimPolicy: "Delete",
      volumeBindingMode,
    });
    await cluster.create(storageClass(fast, "Immediate"));
    await cluster.create(storageClass(late, "WaitForFirstConsumer"));
    const volumes = { data: uniqueName("data"), waits: uniqueName("waits"), skipped: uniqueName("skipped") };
    const items = [
      ...pair("shop", "data", { volume: volumes.data, storageClassName: fast }),
      ...pair("shop", "waits", { volume: volumes.waits, storageClassName: late }),
      ...pair("shop", "skipped", { volume: volumes.skipped, storageClassName: fast, reclaimPolicy: "Delete" }),
    ];
    const info = (claim: keyof typeof volumes) => ({
      pvcName: claim,
      pvcNamespace: "shop",
      pvName: volumes[claim],
      pvInfo: { reclaimPolicy: "Retain", labels: { tier: "gold" } },
    });
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", items, {
      volumeinfo: [
        { ...info("data"), backupMethod: "PodVolumeBackup" },
        { ...info("waits"), backupMethod: "CSISnapshot" },
        { ...info("skipped"), skipped: true },
      ],
    });

    const { outcome } = await restore(kube, store, { spec: { namespaceMapping: { shop: target } } });

    const volumeOf = async (claim: string): Promise<KubeObject> => {
      const bound = await cluster.waitFor(
        "PersistentVolumeClaim",
        target,
        claim,
        ({ status }) => (status as { phase?: string } | undefined)?.phase === "Bound",
      );
      const { volumeName } = bound.spec as { volumeName: string };
      return (await cluster.get("PersistentVolume", undefined, volumeName)) as KubeObject;
    };
    expect(outcome).toMatchObject({ phase: "Completed", errors: 0 });
    const [data, skipped] = [await volumeOf("data"), await volumeOf("skipped")];
    expect(data.metadata).toMatchObject({ name: expect.stringMatching(/^pvc-/), labels: { tier: "gold" } });
    expect(data.spec).toMatchObject({ persistentVolumeReclaimPolicy: "Retain" });
    expect(skipped.spec).toMatchObject({ persistentVolumeReclaimPolicy: "Delete" });
    expect(skipped.metadata.labels).toBeUndefined();
    for (const claim of Object.keys(volumes)) await cluster.delete("PersistentVolumeClaim", target, claim);
    await cluster.delete("PersistentVolume", undefined, data.metadata.name);
    for (const name of [fast, late]) await cluster.delete("StorageClass", undefined, name);
  });

  it("brings them by the next attempt of a run where the API server was away", async () => {
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath, { limits: { retryForMs: 500 } });
    const target = await cluster.createNamespace();
    const [fast, volume] = [uniqueName("fast"), uniqueName("data")];
    await cluster.create({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: fast },
      provisioner: "kubernetes.io/host-path",
    });
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", pair("shop", "data", { volume, storageClassName: fast }), {
      volumeinfo: [
        {
          pvcName: "data",
          pvcNamespace: "shop",
          pvName: volume,
          backupMethod: "PodVolumeBackup",
          pvInfo: { reclaimPolicy: "Retain", labels: null },
        },
      ],
    });
    const request = { spec: { namespaceMapping: { shop: target } }, mayResume: true };
    const first = restore(kube, store, {
      ...request,
      onRecord: ({ kind }) => {
        if (kind === "PersistentVolumeClaim") proxy.setFaults(() => ({ type: "reset" }));
      },
    });

    await expect(first).rejects.toMatchObject({ code: "KubeUnavailable" });
    proxy.setFaults();
    const { outcome } = await restore(kube, store, request);
    await proxy.stop();

    const { spec } = await cluster.get("PersistentVolumeClaim", target, "data");
    const { volumeName } = spec as { volumeName: string };
    expect(outcome).toMatchObject({ phase: "Completed", counts: { created: 1 } });
    expect((await cluster.get("PersistentVolume", undefined, volumeName)).spec).toMatchObject({
      persistentVolumeReclaimPolicy: "Retain",
    });
    await cluster.delete("PersistentVolumeClaim", target, "data");
    await cluster.delete("PersistentVolume", undefined, volumeName);
    await cluster.delete("StorageClass", undefined, fast);
  });

  it("is an error of its own where the volume can't be set right", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const volume = uniqueName("never");
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", pair("shop", "data", { volume, storageClassName: uniqueName("absent") }), {
      volumeinfo: [
        {
          pvcName: "data",
          pvcNamespace: "shop",
          pvName: volume,
          backupMethod: "CSISnapshot",
          pvInfo: { reclaimPolicy: "Retain", labels: null },
        },
      ],
    });

    const { outcome } = await restore(kube, store, {
      spec: { namespaceMapping: { shop: target } },
      limits: { resourceTimeoutMs: 1_000 },
    });

    expect(outcome.phase).toBe("PartiallyFailed");
    expect(outcome.results.errors.namespaces?.[target]).toEqual([
      `fail to patch dynamic PV, err: its claim is not bound yet, PVC: data, PV: ${volume}`,
    ]);
    await cluster.delete("PersistentVolumeClaim", target, "data");
  });

  /** A claim and its volume as they stand, bound, and as they are archived. */
  async function makeBound(home: string, volume: string) {
    const items = pair(home, "data", { volume });
    for (const { object } of items.toReversed()) {
      const { status: _status, ...made } = structuredClone(object);
      delete (made.spec as { claimRef?: { uid?: string } }).claimRef?.uid;
      await cluster.create(made);
    }
    const isBound = (object: object) => (object as { status?: { phase?: string } }).status?.phase === "Bound";
    await cluster.waitFor("PersistentVolumeClaim", home, "data", isBound);
    const bound = await cluster.waitFor("PersistentVolume", undefined, volume, isBound);
    return { items, bound };
  }

  it.each(["update", "recreate"] as const)("leaves a bound volume with its claim under %s", async (policy) => {
    const kube = await client(cluster.kubeconfigPath);
    const [home, copy] = [await cluster.createNamespace(), await cluster.createNamespace()];
    const volume = uniqueName("bound");
    const { items, bound } = await makeBound(home, volume);
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", items, { volumeinfo: [] });
    const spec = { namespaceMapping: { [home]: copy }, existingResourcePolicy: policy };

    const { outcome, records } = await restore(kube, store, { spec });

    expect(records.find(({ kind }) => kind === "PersistentVolume")).toMatchObject({
      outcome: "skipped",
      reason: "ExistsDifferent",
      message: `is bound to ${home}/data, whose data it holds: it stays with it`,
    });
    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 1 });
    const after = await cluster.get("PersistentVolume", undefined, volume);
    expect([after.spec, after.metadata.uid]).toEqual([bound.spec, bound.metadata.uid]);
    for (const namespace of [copy, home]) await cluster.delete("PersistentVolumeClaim", namespace, "data");
    await cluster.delete("PersistentVolume", undefined, volume);
  });

  it("deletes no bound claim to recreate it: its data would go", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const home = await cluster.createNamespace();
    const volume = uniqueName("bound");
    const { items } = await makeBound(home, volume);
    const before = await cluster.get("PersistentVolumeClaim", home, "data");
    const changed = items.map(({ resource, object }) => ({
      resource,
      object: { ...object, metadata: { ...object.metadata, labels: { tier: "archived" } } },
    }));
    const store = new MemoryStore();
    await writeVeleroFolder(store, "backup", changed, { volumeinfo: [] });

    const { outcome, records } = await restore(kube, store, { spec: { existingResourcePolicy: "recreate" } });

    expect(records.map(({ kind, outcome: what, message }) => [kind, what, message]).sort()).toEqual([
      ["PersistentVolume", "skipped", `is bound to ${home}/data, and goes only after it: update it instead`],
      ["PersistentVolumeClaim", "skipped", `is bound to ${volume}, whose data would go with it: update it instead`],
    ]);
    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 2 });
    expect((await cluster.get("PersistentVolumeClaim", home, "data")).metadata.uid).toBe(before.metadata.uid);
    await cluster.delete("PersistentVolumeClaim", home, "data");
    await cluster.delete("PersistentVolume", undefined, volume);
  });
});
