import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { PatchOperation } from "../../src/api/patch.ts";
import { guarded, guardedByPlaces } from "../../src/restore/changes.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, plan, restore, withKind } from "./restore-support.ts";

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

describe("restoring over objects that exist", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it("updates what differs, labels what is equal, and finds nothing to do the second time", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    await cluster.apply(configMap(namespace, "same", { a: "1" }), configMap(namespace, "drifted", { a: "1" }));
    const store = await backUp(kube, withKind(await cluster.list("ConfigMap", namespace)));
    await cluster.patch("ConfigMap", namespace, "drifted", { data: { a: "2", b: "only live" } });
    const spec = { includedNamespaces: [namespace], existingResourcePolicy: "update" as const };

    const planned = await plan(kube, store, { spec });
    const first = await restore(kube, store, { spec });
    const proxy = await startClusterProxy(cluster);
    const second = await restore(await client(proxy.kubeconfigPath), store, { spec });
    const writes = proxy.calls.filter(({ method }) => WRITES.has(method));
    await proxy.stop();

    expect(planned.summary.totals).toMatchObject({ patch: 1, fail: 0, create: 0 });
    expect(planned.entries.find(({ name }) => name === "drifted")?.changes).toEqual([
      { op: "remove", path: "/data/b", before: "only live" },
      { op: "replace", path: "/data/a", before: "2", after: "1" },
    ]);
    expect(first.outcomes).toMatchObject({ "ConfigMap same": "labelled", "ConfigMap drifted": "patched" });
    expect((await cluster.get("ConfigMap", namespace, "drifted")).data).toEqual({ a: "1" });
    expect((await cluster.get("ConfigMap", namespace, "same")).metadata.labels).toMatchObject({
      "velero.io/backup-name": "backup",
      "velero.io/restore-name": "restore-20260102030405",
    });
    expect(second.outcomes).toMatchObject({ "ConfigMap same": "unchanged", "ConfigMap drifted": "unchanged" });
    expect(writes).toEqual([]);
  });

  it("leaves everything alone under none, says what update would do, and stays Completed", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    await cluster.apply(configMap(namespace, "drifted", { a: "1" }));
    const store = await backUp(kube, [(await cluster.get("ConfigMap", namespace, "drifted")) as unknown as KubeObject]);
    await cluster.patch("ConfigMap", namespace, "drifted", { data: { a: "2" } });

    const { entries } = await plan(kube, store);
    const { outcome, outcomes } = await restore(kube, store);

    expect(entries).toMatchObject([
      {
        name: "drifted",
        action: "skip",
        reason: "ExistsDifferent",
        changes: [{ op: "replace", path: "/data/a", before: "2", after: "1" }],
      },
    ]);
    expect(outcomes).toEqual({ "ConfigMap drifted": "skipped" });
    expect(outcome).toMatchObject({ phase: "Completed", warnings: 1, errors: 0 });
    expect((await cluster.get("ConfigMap", namespace, "drifted")).data).toEqual({ a: "2" });
  });

  it("goes on after a refused patch: a warning, the labels, PartiallyFailed, and every other object restored", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const frozen = { ...configMap(namespace, "frozen", { a: "1" }), immutable: true };
    await cluster.apply(configMap(namespace, "z-last", { a: "1" }));
    const store = await backUp(kube, [
      frozen,
      (await cluster.get("ConfigMap", namespace, "z-last")) as unknown as KubeObject,
    ]);
    await cluster.apply({ ...frozen, data: { a: "2" } });
    await cluster.patch("ConfigMap", namespace, "z-last", { data: { a: "2" } });
    const spec = { existingResourcePolicy: "update" as const };

    const tried = await plan(kube, store, { spec, serverDryRun: true });
    const { outcome, outcomes } = await restore(kube, store, { spec });

    expect(tried.entries.find(({ name }) => name === "frozen")).toMatchObject({ action: "fail", reason: "Immutable" });
    expect(outcome).toMatchObject({ phase: "PartiallyFailed", warnings: 1, errors: 0 });
    expect(outcomes).toEqual({ "ConfigMap frozen": "failed", "ConfigMap z-last": "patched" });
    expect((await cluster.get("ConfigMap", namespace, "frozen")).metadata.labels).toMatchObject({
      "velero.io/backup-name": "backup",
    });
  });

  it("recreates where asked, and refuses under fail", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const frozen = { ...configMap(namespace, "frozen", { a: "1" }), immutable: true };
    const store = await backUp(kube, [frozen, configMap(namespace, "kept", { a: "1" })]);
    const [before] = await cluster.apply({ ...frozen, data: { a: "2" } }, configMap(namespace, "kept", { a: "2" }));
    const spec = { existingResourcePolicy: "fail" as const };

    const refused = await restore(kube, store, { spec });
    const recreated = await restore(kube, store, {
      spec: { ...spec, existingResourceOverrides: { cm: "recreate" as const } },
    });

    expect(refused.outcomes).toEqual({ "ConfigMap frozen": "failed", "ConfigMap kept": "failed" });
    expect(refused.outcome.results.errors.namespaces?.[namespace]).toEqual([
      expect.stringMatching(/^ConfigMap "frozen": exists and differs, and existingResourcePolicy is fail/),
      expect.stringMatching(/^ConfigMap "kept": exists and differs/),
    ]);
    expect(recreated.outcomes).toEqual({ "ConfigMap frozen": "recreated", "ConfigMap kept": "recreated" });
    const after = await cluster.get("ConfigMap", namespace, "frozen");
    expect(after.data).toEqual({ a: "1" });
    expect(after.metadata.uid).not.toBe(before?.metadata.uid);
  });

  it("wins against a controller that keeps writing", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const store = await backUp(kube, [configMap(namespace, "busy", { a: "1" })]);
    await cluster.apply(configMap(namespace, "busy", { a: "2" }));
    let busy = true;
    const writer = (async () => {
      for (let turn = 0; busy; turn++)
        await cluster.patch("ConfigMap", namespace, "busy", { metadata: { annotations: { turn: String(turn) } } });
    })();

    const { outcomes } = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    busy = false;
    await writer;

    expect(outcomes["ConfigMap busy"]).toBe("patched");
    expect((await cluster.get("ConfigMap", namespace, "busy")).data).toEqual({ a: "1" });
  });

  it("writes beside what others write, and adds nothing over what they added meanwhile", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const [live] = await cluster.apply(configMap(namespace, "busy", { a: "1" }));
    const at = { group: "", version: "v1", resource: "configmaps" };
    const label = { op: "add" as const, path: "/metadata/labels", value: { from: "us" } };
    const write = (operations: PatchOperation[]) =>
      kube.patch(at, { namespace, name: "busy" }, { type: "json", operations });
    await cluster.patch("ConfigMap", namespace, "busy", { metadata: { annotations: { turn: "1" } } });

    await expect(write(guarded(live as KubeObject, [label]))).rejects.toMatchObject({ code: "KubeConflict" });
    await expect(write(guardedByPlaces(live as KubeObject, [label]))).resolves.toMatchObject({
      metadata: { labels: { from: "us" }, annotations: { turn: "1" } },
    });
    await cluster.patch("ConfigMap", namespace, "busy", { metadata: { labels: { from: "them" } }, data: { a: "2" } });
    await expect(write(guardedByPlaces(live as KubeObject, [label]))).rejects.toMatchObject({ code: "KubeConflict" });
    await expect(
      write(guardedByPlaces(live as KubeObject, [{ op: "replace", path: "/data/a", value: "3" }])),
    ).resolves.toMatchObject({ data: { a: "3" }, metadata: { labels: { from: "them" } } });
  });
});
