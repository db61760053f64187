import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import type { MemoryStore } from "../../src/storage/memory-store.ts";
import type { FaultRule } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const spec = { existingResourcePolicy: "recreate" as const };

/** A ConfigMap in the cluster that the backup holds otherwise, and its safety copy. */
async function drifted(): Promise<{ namespace: string; before: KubeObject; store: MemoryStore; safety: MemoryStore }> {
  const namespace = await cluster.createNamespace();
  const kube = await client(cluster.kubeconfigPath);
  await cluster.apply(configMap(namespace, "prices", { apple: "live" }));
  const before = (await cluster.get("ConfigMap", namespace, "prices")) as unknown as KubeObject;
  const store = await backUp(kube, [configMap(namespace, "prices", { apple: "backup" })]);
  return { namespace, before, store, safety: await backUp(kube, [before], "safety") };
}

async function undo(records: readonly ObjectRecord[], safety: MemoryStore): Promise<ObjectRecord[]> {
  const copies = await openBackup(safety, "safety");
  const undone: ObjectRecord[] = [];
  await runUndo(
    { kube: await client(cluster.kubeconfigPath), clock: systemClock, log: silentLogger },
    {
      run: "undo-20260102030405",
      backup: copies,
      safety: copies,
      records,
      force: false,
      onRecord: (record) => void undone.push(record),
    },
  );
  return undone;
}

describe("a recreation that got no further than its deletion", () => {
  const isDelete: (url: string, method: string) => boolean = (url, method) =>
    method === "DELETE" && url.includes("/configmaps/prices");
  const refusedPost: FaultRule = ({ method, url }) =>
    method === "POST" && url.includes("/configmaps")
      ? { type: "answer", status: 403, body: '{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}' }
      : undefined;
  const deadAfterDelete = (): FaultRule => {
    let isDead = false;
    return ({ method, url }) => {
      if (isDead) return { type: "reset" };
      isDead = isDelete(url, method);
      return isDead ? { type: "dropAnswer" } : undefined;
    };
  };

  it.each([
    ["its creation was refused", (): FaultRule => refusedPost],
    ["the API server went away with the answer", deadAfterDelete],
  ])("says so when %s, and an undo brings the object back", async (_, rule) => {
    const { namespace, before, store, safety } = await drifted();
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath, { limits: { retryForMs: 500 } });
    await kube.get({ group: "", version: "v1", resource: "configmaps" }, { namespace, name: "prices" });
    proxy.setFaults(rule());

    const { records } = await restore(kube, store, { spec });
    await proxy.stop();
    const left = (await cluster.list("ConfigMap", namespace)).map(({ metadata }) => metadata.name);
    const undone = await undo(records, safety);

    expect(left).not.toContain("prices");
    expect(records).toMatchObject([{ name: "prices", outcome: "failed", deletedUid: before.metadata.uid }]);
    expect(undone).toMatchObject([{ name: "prices", outcome: "created" }]);
    expect((await cluster.get("ConfigMap", namespace, "prices")).data).toEqual({ apple: "live" });
  });

  it("is returned too when a later attempt of the run created it", async () => {
    const { namespace, store, safety } = await drifted();
    await cluster.delete("ConfigMap", namespace, "prices");

    const { records, outcomes } = await restore(await client(cluster.kubeconfigPath), store, { spec });
    await undo(records, safety);

    expect(outcomes).toEqual({ "ConfigMap prices": "created" });
    expect((await cluster.get("ConfigMap", namespace, "prices")).data).toEqual({ apple: "live" });
  });
});

describe("a recreation of an object that somebody changes at that moment", () => {
  it("deletes nothing that the safety backup does not hold", async () => {
    const { namespace, before, store, safety } = await drifted();
    const proxy = await startClusterProxy(cluster, {
      faults: async ({ method, url }) => {
        if (method === "DELETE" && url.includes("/configmaps/prices"))
          await cluster.patch("ConfigMap", namespace, "prices", { data: { apple: "newer" } });
        return undefined;
      },
    });
    const copies = await openBackup(safety, "safety");

    const { records } = await restore(await client(proxy.kubeconfigPath), store, { spec, safety: copies });
    await proxy.stop();

    const after = await cluster.get("ConfigMap", namespace, "prices");
    expect(records).toMatchObject([{ outcome: "failed", reason: "ChangedSince" }]);
    expect([after.data, after.metadata.uid]).toEqual([{ apple: "newer" }, before.metadata.uid]);
  });
});

describe("a recreated object", () => {
  it("gets what follows a create: its status, and its owner where that is restored too", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const [owner] = await cluster.apply(configMap(namespace, "owner", {}));
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner?.metadata.uid ?? "" };
    const service = (port: number, metadata: object, status?: object): KubeObject =>
      ({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "shop", namespace, ...metadata },
        spec: { type: "LoadBalancer", ports: [{ port }] },
        ...(status === undefined ? {} : { status }),
      }) as KubeObject;
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } };
    await cluster.apply(service(80, { ownerReferences: [reference] }));
    const store = await backUp(kube, [
      (await cluster.get("ConfigMap", namespace, "owner")) as unknown as KubeObject,
      service(81, { ownerReferences: [reference] }, status),
    ]);

    const { outcomes } = await restore(kube, store, {
      spec: { ...spec, restoreStatus: { includedResources: ["services"] } },
    });

    const after = await cluster.get("Service", namespace, "shop");
    expect(outcomes).toEqual({ "ConfigMap owner": "labelled", "Service shop": "recreated" });
    expect([after.status, after.metadata.ownerReferences]).toEqual([status, [reference]]);
  });
});
