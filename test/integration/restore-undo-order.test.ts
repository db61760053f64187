/** In which order an undo writes, what it writes side by side, and what it says of it before. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { FaultRule } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, planOfUndo, restore, undo, webhook } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

const live = async (kind: string, namespace: string | undefined, name: string): Promise<KubeObject> =>
  (await cluster.get(kind, namespace, name)) as unknown as KubeObject;

function crd(plural: string): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.org` },
    spec: {
      group: "example.org",
      scope: "Namespaced",
      names: { plural, singular: plural, kind: `Kind${plural}`, listKind: `Kind${plural}List` },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
}

/** Lets so many deletions of ConfigMaps wait for each other. */
function together(count: number): FaultRule {
  const waiting: (() => void)[] = [];
  return async ({ method, url }) => {
    if (method !== "DELETE" || !url.includes("/configmaps/") || waiting.length >= count) return undefined;
    const all = new Promise<void>((resolve) => waiting.push(resolve));
    if (waiting.length === count) for (const go of waiting) go();
    await all;
    return undefined;
  };
}

describe("the undo of a restore", () => {
  it("takes back side by side what order allows, webhooks first and namespaces last, and tells how far it is", async () => {
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath);
    const fresh = uniqueName("t-order");
    const hook = uniqueName("hook");
    const role = uniqueName("role");
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const store = await backUp(kube, [
      webhook(hook, "none"),
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: role }, rules: [] },
      ...names.map((name) => configMap(fresh, name, {})),
    ]);
    const { records } = await restore(kube, store);
    const safety = await backUp(kube, [], "safety");
    const told: string[] = [];
    proxy.forget();
    proxy.setFaults(together(4));

    const { outcome } = await undo(kube, records, safety, {
      onProgress: ({ totalItems, itemsRestored }) => void told.push(`${itemsRestored} of ${totalItems}`),
    });
    const deleted = proxy.calls.filter(({ method }) => method === "DELETE").map(({ url }) => url);
    await proxy.stop();

    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, totalItems: 11, counts: { deleted: 11 } });
    expect(told).toEqual(Array.from({ length: 11 }, (_, index) => `${index + 1} of 11`));
    expect(deleted.map((url) => /\/(\w+)\/[^/]+$/.exec(url)?.[1])).toEqual([
      "validatingwebhookconfigurations",
      ...names.map(() => "configmaps"),
      "clusterroles",
      "namespaces",
    ]);
  });

  it("creates what is missing when all else has returned, in the order of a restore", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const hook = uniqueName("hook");
    await cluster.apply(configMap(namespace, "lost", { a: "live" }), configMap(namespace, "stays", { a: "live" }));
    await cluster.create(webhook(hook, "none"));
    const before = [
      await live("ConfigMap", namespace, "lost"),
      await live("ConfigMap", namespace, "stays"),
      await live("ValidatingWebhookConfiguration", undefined, hook),
    ];
    const safety = await backUp(kube, before, "safety");
    const store = await backUp(kube, [
      configMap(namespace, "lost", { a: "backup" }),
      configMap(namespace, "stays", { a: "backup" }),
      webhook(hook, namespace),
    ]);
    const { records } = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    await cluster.delete("ValidatingWebhookConfiguration", undefined, hook);
    await cluster.delete("ConfigMap", namespace, "lost");

    const planned = await planOfUndo(kube, records, safety);
    const undone = await undo(kube, records, safety);
    await cluster.delete("ValidatingWebhookConfiguration", undefined, hook);

    expect(undone.outcome).toMatchObject({ phase: "Completed", errors: 0, counts: { created: 2, patched: 1 } });
    const order = ["stays", "lost", hook];
    expect(planned.entries.map(({ name }) => name)).toEqual(order);
    expect(undone.records.map(({ name }) => name)).toEqual(order);
  });

  it("ends no CRD and no namespace with objects in it that others made, and says so before", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const [full, empty] = [uniqueName("t-full"), uniqueName("t-empty")];
    const [used, unused] = [uniqueName("used").replaceAll("-", ""), uniqueName("unused").replaceAll("-", "")];
    const store = await backUp(kube, [
      crd(used),
      crd(unused),
      configMap(full, "restored", {}),
      configMap(empty, "restored", {}),
    ]);
    const { records } = await restore(kube, store);
    const safety = await backUp(kube, [], "safety");
    const custom = { apiVersion: "example.org/v1", kind: `Kind${used}`, metadata: { name: "mine", namespace: full } };
    await cluster.create(custom as KubeObject);

    const { entries, summary } = await planOfUndo(kube, records, safety);
    const first = await undo(kube, records, safety);
    await cluster.delete(`Kind${used}`, full, "mine");
    const second = await undo(kube, records, safety);

    const failed = [
      [`${used}.example.org`, "NotEmpty"],
      [full, "NotEmpty"],
    ];
    const told = (list: readonly { name: string; reason?: string }[]) => list.map(({ name, reason }) => [name, reason]);
    expect(told(entries.filter(({ action }) => action === "fail"))).toEqual(failed);
    expect(summary.totals).toMatchObject({ delete: 4, fail: 2 });
    expect(entries.find(({ name }) => name === full)?.message).toContain(`${used}.example.org mine`);
    expect(first.outcome).toMatchObject({ phase: "PartiallyFailed", errors: 2, counts: { deleted: 4, failed: 2 } });
    expect(told(first.records.filter(({ outcome }) => outcome === "failed"))).toEqual(failed);
    expect(second.outcome).toMatchObject({ phase: "Completed", counts: { deleted: 2 } });
    await cluster.waitUntilGone("Namespace", undefined, full);
  });
});
