import { describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

/** A client that gives up soon, behind a proxy that it has reached once. */
async function impatient(): Promise<{ proxy: ClusterProxy; kube: KubeClient }> {
  const proxy = await startClusterProxy(cluster);
  const kube = await client(proxy.kubeconfigPath, { limits: { retryForMs: 500 } });
  await kube.discovery({ refresh: true });
  return { proxy, kube };
}

describe("an API server that goes away", () => {
  it("before the first write leaves the run to the next attempt", async () => {
    const namespace = await cluster.createNamespace();
    const { proxy, kube } = await impatient();
    const store = await backUp(kube, [configMap(namespace, "prices", { apple: "1" })]);
    proxy.setFaults(() => ({ type: "reset" }));

    const first = restore(kube, store);

    await expect(first).rejects.toMatchObject({ code: "KubeUnavailable" });
    proxy.setFaults();
    const { outcome, outcomes } = await restore(kube, store);
    await proxy.stop();
    expect([outcome.phase, outcomes]).toEqual(["Completed", { "ConfigMap prices": "created" }]);
  });

  it("after it ends the run, which says so", async () => {
    const namespace = await cluster.createNamespace();
    const { proxy, kube } = await impatient();
    const store = await backUp(kube, [
      configMap(namespace, "prices", { apple: "1" }),
      { apiVersion: "v1", kind: "Service", metadata: { name: "shop", namespace }, spec: { ports: [{ port: 80 }] } },
    ]);

    const { outcome } = await restore(kube, store, {
      onRecord: () => proxy.setFaults(() => ({ type: "reset" })),
    });
    await proxy.stop();

    expect(outcome).toMatchObject({ phase: "Failed", counts: { created: 1 } });
    expect(outcome.failureReason).toBeDefined();
  });
});
