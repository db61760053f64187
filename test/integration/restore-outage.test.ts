import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster, useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const mortal = usePrivateCluster();
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

  it("after it for longer than the client tries ends the run, which says so; the next run restores the rest", async () => {
    const namespace = await cluster.createNamespace();
    const { proxy, kube } = await impatient();
    const store = await backUp(kube, [
      configMap(namespace, "prices", { apple: "1" }),
      { apiVersion: "v1", kind: "Service", metadata: { name: "shop", namespace }, spec: { ports: [{ port: 80 }] } },
    ]);

    const { outcome } = await restore(kube, store, {
      onRecord: () => proxy.setFaults(() => ({ type: "reset" })),
    });
    proxy.setFaults();
    const next = await restore(kube, store, { run: "restore-20260102030500" });
    await proxy.stop();

    expect(outcome).toMatchObject({ phase: "Failed", counts: { created: 1 } });
    expect(outcome.failureReason).toMatch(/services .*\/shop: the API server cannot be reached/);
    expect(outcome.failureReason).toMatch(/restore again, with a new runId/);
    expect([next.outcome.phase, next.outcomes]).toEqual([
      "Completed",
      { "ConfigMap prices": "unchanged", "Service shop": "created" },
    ]);
  });

  it("and comes back, really, in the middle: every object is created once", async () => {
    const names = Array.from({ length: 400 }, (_, index) => `cm-${String(index).padStart(3, "0")}`);
    const namespace = await mortal.createNamespace();
    let waits = 0;
    const sleep: typeof systemClock.sleep = async (ms, signal) => {
      waits += 1;
      await systemClock.sleep(ms, signal);
    };
    const kube = await client(mortal.kubeconfigPath, { clock: { ...systemClock, sleep } });
    const store = await backUp(
      kube,
      names.map((name) => configMap(namespace, name, { name })),
    );
    let records = 0;

    const restoring = restore(kube, store, {
      onRecord: async () => {
        records += 1;
        if (records === 20) await mortal.controlPlane.killApiServer();
      },
    });
    await expect.poll(() => waits, { timeout: 60_000 }).toBeGreaterThan(10);
    await mortal.controlPlane.startApiServer();
    const { outcome, outcomes } = await restoring;

    expect(outcome).toMatchObject({ phase: "Completed", warnings: 0, errors: 0 });
    expect(outcomes).toEqual(Object.fromEntries(names.map((name) => [`ConfigMap ${name}`, "created"])));
    const found = (await mortal.list("ConfigMap", namespace)).map(({ metadata }) => metadata.name);
    expect(found.filter((name) => name.startsWith("cm-")).sort()).toEqual(names);
  });
});
