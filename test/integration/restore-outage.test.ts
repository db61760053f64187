import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { KubeClientOptions } from "../../src/kube/create-client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster, useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const mortal = usePrivateCluster();
const client = useKubeClients();

/** A client that gives up soon, behind a proxy that it has reached once. */
async function impatient(
  options: Pick<KubeClientOptions, "observe"> = {},
): Promise<{ proxy: ClusterProxy; kube: KubeClient }> {
  const proxy = await startClusterProxy(cluster);
  const kube = await client(proxy.kubeconfigPath, { limits: { retryForMs: 500 }, ...options });
  await kube.discovery({ refresh: true });
  return { proxy, kube };
}

const INGRESS = { defaultBackend: { service: { name: "shop", port: { number: 80 } } } };

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

  it("after it for longer than the client tries leaves the same run to the next attempt", async () => {
    const namespace = await cluster.createNamespace();
    const { proxy, kube } = await impatient();
    const store = await backUp(kube, [
      configMap(namespace, "prices", { apple: "1" }),
      { apiVersion: "v1", kind: "Service", metadata: { name: "shop", namespace }, spec: { ports: [{ port: 80 }] } },
    ]);
    const first = restore(kube, store, {
      mayResume: true,
      onRecord: () => proxy.setFaults(() => ({ type: "reset" })),
    });

    await expect(first).rejects.toMatchObject({
      code: "KubeUnavailable",
      message: expect.stringMatching(/services .*\/shop: the API server cannot be reached/),
    });
    proxy.setFaults();
    const { outcome, outcomes } = await restore(kube, store, { mayResume: true });
    const created = proxy.calls.filter(({ method, status }) => method === "POST" && status === 201);
    await proxy.stop();

    expect([outcome.phase, outcomes]).toEqual([
      "Completed",
      { "ConfigMap prices": "created", "Service shop": "created" },
    ]);
    expect(created).toHaveLength(2);
  });

  it.each([
    ["can't be created", /\/services\?/, /shop: .*wait until the API server answers, then restore again/],
    ["can't be looked at", /\/services/, /^services could not be restored: cannot get/],
  ])(
    "for one kind that %s, as a dead aggregated API does, fails that kind and restores the others",
    async (_, dead, told) => {
      const namespace = await cluster.createNamespace();
      const { proxy, kube } = await impatient();
      const store = await backUp(kube, [
        { apiVersion: "v1", kind: "Service", metadata: { name: "shop", namespace }, spec: { ports: [{ port: 80 }] } },
        { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web", namespace }, spec: INGRESS },
      ]);
      proxy.setFaults(({ url }) => (dead.test(url) ? { type: "answer", status: 503 } : undefined));

      const { outcome } = await restore(kube, store);
      await proxy.stop();

      expect(outcome).toMatchObject({ phase: "PartiallyFailed", counts: { created: 1 } });
      const { cluster: ofCluster = [], namespaces = {} } = outcome.results.errors;
      expect([...ofCluster, ...(namespaces[namespace] ?? [])].join("\n")).toMatch(told);
    },
  );

  it("ends the wait of the hooks too: they are the next attempt's", async () => {
    const namespace = await cluster.createNamespace();
    // As the client sees them: what it gave up may still be on its way to the proxy.
    let looksAtPod = 0;
    const observe: KubeClientOptions["observe"] = ({ path }) => {
      if (path.includes("/pods/waiting")) looksAtPod += 1;
    };
    const { proxy, kube } = await impatient({ observe });
    const annotations = { "post.hook.restore.velero.io/command": "/bin/true" };
    const spec = { containers: [{ name: "main", image: "i" }] };
    const store = await backUp(kube, [
      { apiVersion: "v1", kind: "Pod", metadata: { name: "waiting", namespace, annotations }, spec },
      { apiVersion: "v1", kind: "Service", metadata: { name: "shop", namespace }, spec: { ports: [{ port: 80 }] } },
    ]);
    proxy.setFaults(({ url }) => (/\/services|^\/version/.test(url) ? { type: "reset" } : undefined));

    await expect(restore(kube, store)).rejects.toMatchObject({ code: "KubeUnavailable" });
    const before = looksAtPod;
    await systemClock.sleep(1_500);
    const after = looksAtPod;
    await proxy.stop();

    expect(before).toBeGreaterThan(0);
    expect(after).toBe(before);
  });

  it("and comes back, really, in the middle: every object is created once", async () => {
    const names = Array.from({ length: 400 }, (_, index) => `cm-${String(index).padStart(3, "0")}`);
    const namespace = await mortal.createNamespace();
    let waits = 0;
    const sleep: typeof systemClock.sleep = async (ms, signal) => {
      waits += 1;
      await systemClock.sleep(ms, signal);
    };
    // Unlike an administrator, whose group needs no roles, this user is forbidden all until the server has read them.
    const impersonate = "restorer";
    await mortal.apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: impersonate },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: impersonate }],
    });
    await mortal.waitUntilAllowed(impersonate, `/api/v1/namespaces/${namespace}/secrets`);
    const kube = await client(mortal.kubeconfigPath, { impersonate, clock: { ...systemClock, sleep } });
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
