import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, plan, restore, webhook } from "./restore-support.ts";

describe("where a restore puts objects", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it("brings two namespaces into one: equal ones and the cluster's own don't collide, others follow the policy", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const store = await backUp(kube, [
      configMap("from-a", "same", { a: "1" }),
      configMap("from-b", "same", { a: "1" }),
      configMap("from-a", "clash", { a: "from a" }),
      configMap("from-b", "clash", { a: "from b" }),
      configMap("from-a", "kube-root-ca.crt", { "ca.crt": "old a" }),
      configMap("from-b", "kube-root-ca.crt", { "ca.crt": "old b" }),
      configMap("from-b", "only-b", { b: "1" }),
    ]);
    const namespaceMapping = { "from-a": target, "from-b": target };

    const planned = await plan(kube, store, { spec: { namespaceMapping } });
    const refused = await plan(kube, store, { spec: { namespaceMapping, existingResourcePolicy: "fail" } });
    const none = await restore(kube, store, { spec: { namespaceMapping } });
    const afterNone = (await cluster.get("ConfigMap", target, "clash")).data;
    const update = await restore(kube, store, {
      run: "second-20260102030405",
      spec: { namespaceMapping, existingResourcePolicy: "update" },
    });

    const collisions = planned.entries
      .filter(({ reason }) => reason === "Collision")
      .map(({ name, action, archivedAs }) => ({ name, action, archivedAs }));
    expect(collisions).toEqual([
      { name: "clash", action: "skip", archivedAs: "from-b/clash" },
      { name: "kube-root-ca.crt", action: "unchanged", archivedAs: "from-b/kube-root-ca.crt" },
      { name: "same", action: "unchanged", archivedAs: "from-b/same" },
    ]);
    expect(refused.entries.find(({ name, reason }) => name === "clash" && reason === "Collision")).toMatchObject({
      action: "fail",
    });
    expect(afterNone).toEqual({ a: "from a" });
    expect(none.outcome).toMatchObject({ phase: "Completed", errors: 0 });
    expect((await cluster.get("ConfigMap", target, "only-b")).data).toEqual({ b: "1" });
    expect(update.outcome).toMatchObject({ errors: 0 });
    expect((await cluster.get("ConfigMap", target, "clash")).data).toEqual({ a: "from b" });
  });

  it("writes only the last of those that collide under update, and nothing the second time", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: "0-0" };
    const clash = (namespace: string, from: string) => configMap(namespace, "clash", { from });
    const owned = (namespace: string, from: string) =>
      configMap(namespace, "owned", { from }, { ownerReferences: [owner] });
    const store = await backUp(kube, [
      ...["from-a", "from-c"].map((namespace) => clash(namespace, "a and c")),
      clash("from-b", "b"),
      ...["from-a", "from-b"].map((namespace) => owned(namespace, namespace)),
    ]);
    const namespaceMapping = { "from-a": target, "from-b": target, "from-c": target };
    const spec = { namespaceMapping, existingResourcePolicy: "update" as const };

    const { entries } = await plan(kube, store, { spec });
    const { outcome, records } = await restore(kube, store, { spec, mayResume: true });
    const again = await plan(kube, store, { spec });

    const told = entries.map(({ archivedAs, action, reason, changes }) => [archivedAs, action, reason, changes]);
    expect(told).toEqual([
      ["from-a/clash", "unchanged", "Collision", undefined],
      ["from-b/clash", "skip", "Collision", [{ op: "replace", path: "/data/from", before: "a and c", after: "b" }]],
      ["from-c/clash", "create", undefined, undefined],
      ["from-a/owned", "skip", "Collision", [{ op: "replace", path: "/data/from", before: "from-b", after: "from-a" }]],
      ["from-b/owned", "create", undefined, undefined],
    ]);
    expect(records.map(({ archivedAs, outcome: what }) => [archivedAs, what]).sort()).toEqual([
      ["from-a/clash", "unchanged"],
      ["from-a/owned", "skipped"],
      ["from-b/clash", "skipped"],
      ["from-b/owned", "created"],
      ["from-c/clash", "created"],
    ]);
    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 2 });
    const standing = async (name: string) => (await cluster.get("ConfigMap", target, name)).data;
    expect([await standing("clash"), await standing("owned")]).toEqual([{ from: "a and c" }, { from: "from-b" }]);
    expect(again.entries.filter(({ action }) => action !== "unchanged" && action !== "skip")).toEqual([]);
  });

  it("restores the pod of one namespace where the other's of that name had finished", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const spec = { schedulerName: "nobody", containers: [{ name: "c", image: "registry.example.org/app:1" }] };
    const pod = (namespace: string, phase: string): KubeObject => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "worker", namespace },
      spec,
      status: { phase },
    });
    const store = await backUp(kube, [pod("from-a", "Succeeded"), pod("from-b", "Pending"), pod("from-c", "Failed")]);
    const namespaceMapping = { "from-a": target, "from-b": target, "from-c": target };

    const { records } = await restore(kube, store, { spec: { namespaceMapping } });

    expect(records.map(({ archivedAs, outcome, reason }) => [archivedAs, outcome, reason]).sort()).toEqual([
      ["from-a/worker", "skipped", "Finished"],
      ["from-b/worker", "created", undefined],
      ["from-c/worker", "skipped", "Finished"],
    ]);
    await cluster.delete("Pod", target, "worker");
  });

  it("merges service accounts that collide, whatever the policy, and refuses them under fail", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const account = (namespace: string, name: string, secrets: string[], labels: Record<string, string>) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name, namespace, labels },
      imagePullSecrets: secrets.map((secret) => ({ name: secret })),
    });
    const store = await backUp(kube, [
      account("from-a", "builder", ["a"], { tier: "a" }),
      account("from-b", "builder", ["a", "b"], { tier: "b", team: "b" }),
      account("from-c", "builder", ["c"], {}),
      account("from-a", "default", ["a"], {}),
      account("from-b", "default", ["b"], {}),
      account("from-a", "same", ["a"], {}),
      account("from-b", "same", ["a"], {}),
    ]);
    const standing = async (namespace: string, name: string) => {
      const { metadata, imagePullSecrets } = await cluster.get("ServiceAccount", namespace, name);
      const { "velero.io/backup-name": _b, "velero.io/restore-name": _r, ...labels } = metadata.labels ?? {};
      return [labels, (imagePullSecrets as { name: string }[] | undefined)?.map((secret) => secret.name)];
    };
    for (const existingResourcePolicy of ["none", "update"] as const) {
      const target = await cluster.createNamespace();
      await cluster.waitFor("ServiceAccount", target, "default");
      const namespaceMapping = { "from-a": target, "from-b": target, "from-c": target };
      const spec = { namespaceMapping, existingResourcePolicy };

      const { entries } = await plan(kube, store, { spec });
      const { outcome } = await restore(kube, store, { spec, mayResume: true });
      const again = await plan(kube, store, { spec });

      expect(entries.map(({ archivedAs, action, reason }) => [archivedAs, action, reason])).toEqual([
        ["from-a/builder", "create", undefined],
        ["from-b/builder", "patch", "Collision"],
        ["from-c/builder", "patch", "Collision"],
        ["from-a/default", "patch", undefined],
        ["from-b/default", "patch", "Collision"],
        ["from-a/same", "create", undefined],
        ["from-b/same", "unchanged", "Collision"],
      ]);
      expect(outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 0 });
      expect(await standing(target, "builder")).toEqual([{ tier: "a", team: "b" }, ["a", "b", "c"]]);
      expect(await standing(target, "default")).toEqual([{}, ["a", "b"]]);
      expect(again.entries.filter(({ action }) => action !== "unchanged")).toEqual([]);
    }
    const target = await cluster.createNamespace();
    await cluster.waitFor("ServiceAccount", target, "default");
    const spec = {
      namespaceMapping: { "from-a": target, "from-b": target, "from-c": target },
      existingResourcePolicy: "fail" as const,
    };

    const refused = await restore(kube, store, { spec });

    expect(refused.records.filter(({ outcome }) => outcome === "failed").map(({ archivedAs }) => archivedAs)).toEqual([
      "from-b/builder",
      "from-c/builder",
    ]);
    expect(await standing(target, "builder")).toEqual([{ tier: "a" }, ["a"]]);
    expect(await standing(target, "default")).toEqual([{}, ["a", "b"]]);
  });

  it("rewrites the marks of GitOps owners where a namespace is mapped", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const target = await cluster.createNamespace();
    const marks = {
      labels: { app: "a", "kustomize.toolkit.fluxcd.io/name": "apps" },
      annotations: {
        "argocd.argoproj.io/tracking-id": "app:/ConfigMap:src/x",
        "meta.helm.sh/release-namespace": "src",
        "meta.helm.sh/release-name": "r",
      },
    };
    const store = await backUp(kube, [configMap("src", "x", {}, marks)]);

    await restore(kube, store, { spec: { namespaceMapping: { src: target } } });

    const { labels, annotations } = (await cluster.get("ConfigMap", target, "x")).metadata;
    expect(Object.keys(labels ?? {}).sort()).toEqual(["app", "velero.io/backup-name", "velero.io/restore-name"]);
    expect(annotations).toEqual({ "meta.helm.sh/release-namespace": target, "meta.helm.sh/release-name": "r" });
  });

  it("links owners again whose uid is new, and drops references to owners that did not come back", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const [owner] = await cluster.apply(configMap(namespace, "owner", {}));
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner?.metadata.uid ?? "" };
    const lost = { ...reference, name: "not-in-the-backup", uid: "11111111-1111-1111-1111-111111111111" };
    const child = configMap(namespace, "child", {}, { ownerReferences: [reference] });
    const orphan = configMap(namespace, "orphan", {}, { ownerReferences: [lost] });
    const store = await backUp(kube, [owner as unknown as KubeObject, child, orphan]);
    await cluster.delete("ConfigMap", namespace, "owner");

    const { outcome } = await restore(kube, store);

    const restored = await cluster.get("ConfigMap", namespace, "owner");
    expect(outcome).toMatchObject({ phase: "Completed", warnings: 0 });
    expect((await cluster.get("ConfigMap", namespace, "child")).metadata.ownerReferences).toEqual([
      { ...reference, uid: restored.metadata.uid },
    ]);
    expect((await cluster.get("ConfigMap", namespace, "orphan")).metadata.ownerReferences).toBeUndefined();
  });

  /** A namespace on its way out, which goes when its ConfigMap `holder` is let go of. */
  async function createTerminating(): Promise<{ readonly name: string; readonly release: () => Promise<unknown> }> {
    const name = await cluster.createNamespace();
    await cluster.apply(configMap(name, "holder", {}, { finalizers: ["example.org/hold"] }));
    await cluster.request("DELETE", `/api/v1/namespaces/${name}`);
    const release = () => cluster.patch("ConfigMap", name, "holder", { metadata: { finalizers: null } });
    return { name, release };
  }

  it("waits for a terminating namespace", async () => {
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath);
    const { name: slow, release } = await createTerminating();
    const store = await backUp(kube, [configMap(slow, "a", {}), configMap(slow, "holder", { back: "again" })]);
    let refused = 0;
    proxy.setFaults(async ({ method, url }) => {
      // the second try: the first has found the namespace on its way out
      if (method === "POST" && url.startsWith("/api/v1/namespaces?") && ++refused === 2) await release();
      return undefined;
    });

    const { outcome } = await restore(kube, store);
    await proxy.stop();

    expect(outcome).toMatchObject({ phase: "Completed", errors: 0 });
    expect((await cluster.get("ConfigMap", slow, "a")).metadata.labels).toMatchObject({
      "velero.io/backup-name": "backup",
    });
    // It stood there while the namespace went.
    expect((await cluster.get("ConfigMap", slow, "holder")).data).toEqual({ back: "again" });
  });

  it("restores the others where a terminating namespace does not go in time", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const [{ name: stuck, release }, fresh] = [await createTerminating(), uniqueName("t")];
    const store = await backUp(kube, [configMap(stuck, "a", {}), configMap(fresh, "a", {})]);

    const { outcome, records } = await restore(kube, store, { limits: { terminatingTimeoutMs: 1_000 } });
    await release();

    expect(outcome.phase).toBe("PartiallyFailed");
    expect(await cluster.find("ConfigMap", fresh, "a")).toBeDefined();
    expect(records.find(({ namespace }) => namespace === stuck)).toMatchObject({
      outcome: "failed",
      reason: "Terminating",
    });
    expect(outcome.results.errors.velero?.join()).toContain(`timed out waiting for terminating namespace ${stuck}`);
    await cluster.delete("Namespace", undefined, fresh);
  });

  it("makes the other namespaces while it waits for one that is on its way out", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const { name: going, release } = await createTerminating();
    const fresh = `${going}-b`;
    const named = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const store = await backUp(kube, [named(going), named(fresh), configMap(going, "a", {})]);
    const onRecord = async ({ name }: ObjectRecord): Promise<void> => {
      if (name === fresh) await release();
    };

    const { outcomes } = await restore(kube, store, { onRecord });

    expect(outcomes).toMatchObject({
      [`Namespace ${going}`]: "created",
      [`Namespace ${fresh}`]: "created",
      "ConfigMap a": "created",
    });
    await cluster.delete("Namespace", undefined, fresh);
  });

  it("brings a CRD before its objects, keeps every digit, and never hangs on a kind that is not served", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const group = `${uniqueName("g")}.example.org`;
    const namespace = await cluster.createNamespace();
    const crd = crdOf(group);
    await cluster.apply(crd);
    const body = `{"apiVersion":"${group}/v1","kind":"Gauge","metadata":{"name":"g","namespace":"${namespace}"},"spec":{"big":9007199254740993}}`;
    await cluster.request("POST", `/apis/${group}/v1/namespaces/${namespace}/gauges`, body);
    const gvr = { group, version: "v1", resource: "gauges" };
    const gauge = (await kube.get(gvr, { namespace, name: "g" })) as KubeObject;
    const store = await backUp(kube, [
      (await cluster.get("CustomResourceDefinition", undefined, crd.metadata.name)) as unknown as KubeObject,
      gauge,
      configMap(namespace, "other", {}),
    ]);
    await cluster.delete("CustomResourceDefinition", undefined, crd.metadata.name);

    const without = await restore(kube, store, { spec: { includedNamespaces: [namespace] } });
    const whole = await restore(kube, store, { run: "whole-20260102030405" });

    expect(without.outcomes).toMatchObject({ "Gauge g": "failed", "ConfigMap other": "created" });
    expect(without.records.find(({ kind }) => kind === "Gauge")).toMatchObject({ reason: "NotServed" });
    expect(whole.outcomes).toMatchObject({
      "Gauge g": "created",
      [`CustomResourceDefinition ${crd.metadata.name}`]: "created",
    });
    const answer = await cluster.request("GET", `/apis/${group}/v1/namespaces/${namespace}/gauges/g`);
    expect(answer.text).toContain("9007199254740993");
    await cluster.delete("CustomResourceDefinition", undefined, crd.metadata.name);
  });

  it("restores a webhook without a backend after everything it would have refused", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const name = uniqueName("hook");
    const store = await backUp(kube, [webhook(name, namespace), configMap(namespace, "a", {})]);

    const { outcome, outcomes } = await restore(kube, store);
    await cluster.delete("ValidatingWebhookConfiguration", undefined, name);

    expect(outcomes).toEqual({ "ConfigMap a": "created", [`ValidatingWebhookConfiguration ${name}`]: "created" });
    expect(outcome.phase).toBe("Completed");
  });
});

function crdOf(group: string): KubeObject {
  const schema = {
    type: "object",
    properties: { spec: { type: "object", properties: { big: { type: "integer", format: "int64" } } } },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `gauges.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "gauges", singular: "gauge", kind: "Gauge" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
}
