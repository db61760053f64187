import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { planUndoRestore } from "../../src/restore/run-undo.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, plan, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

function secret(namespace: string, name: string, password: string): KubeObject {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, data: { password: btoa(password) } };
}

const UPDATE = { existingResourcePolicy: "update" as const };

describe("a write that is too large for a JSON patch", () => {
  it("goes as a merge patch guarded by the resourceVersion, and is followed by no other", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const keys = Array.from({ length: 9_500 }, (_, index) => `k${index}`);
    const data = (value: string): Record<string, string> => Object.fromEntries(keys.map((key) => [key, value]));
    const store = await backUp(kube, [configMap(namespace, "wide", data("new"))]);
    await cluster.create(configMap(namespace, "wide", { ...data("old"), extra: "only live" }));
    const proxy = await startClusterProxy(cluster);

    const { outcome, outcomes } = await restore(await client(proxy.kubeconfigPath), store, { spec: UPDATE });
    const patches = proxy.calls.filter(({ method }) => method === "PATCH");
    await proxy.stop();

    expect([outcome.phase, outcomes, patches.length]).toEqual(["Completed", { "ConfigMap wide": "patched" }, 1]);
    expect((await cluster.get("ConfigMap", namespace, "wide")).data).toEqual(data("new"));
  });
});

describe("the last places of a quota", () => {
  it("go to the first objects by name, each time", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const names = Array.from({ length: 24 }, (_, index) => `cm-${String(index).padStart(2, "0")}`);
    const namespace = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "few", namespace },
      spec: { hard: { "count/configmaps": "9" } },
    });
    const used = (quota: KubeObject): boolean =>
      JSON.stringify(quota.status ?? {}).includes('"used":{"count/configmaps":"1"}'); // the cluster's own
    await cluster.waitFor("ResourceQuota", namespace, "few", (quota) => used(quota as KubeObject));
    const store = await backUp(
      kube,
      names.map((name) => configMap(namespace, name, { name })),
    );

    const { outcome, records } = await restore(kube, store);

    const created = records.filter((record) => record.outcome === "created").map(({ name }) => name);
    const failed = records.filter((record) => record.outcome === "failed");
    expect(created.sort()).toEqual(names.slice(0, 8));
    expect(failed).toHaveLength(16);
    expect(failed[0]).toMatchObject({ reason: "QuotaExceeded", message: expect.stringMatching(/raise the quota/) });
    expect([outcome.phase, outcome.errors]).toEqual(["PartiallyFailed", 16]);
  });
});

describe("the digest of a plan", () => {
  it("holds no value of a Secret that could be guessed, and is stale when one changes", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    await cluster.apply(secret(namespace, "login", "live"));
    const store = await backUp(kube, [secret(namespace, "login", "hunter2")]);

    const first = await plan(kube, store, { spec: UPDATE });
    const again = await plan(kube, store, { spec: UPDATE });
    await cluster.patch("Secret", namespace, "login", { data: { password: btoa("newer") } });
    const other = await plan(kube, store, { spec: UPDATE });
    await cluster.patch("Secret", namespace, "login", { data: { token: btoa("x") } });
    const stale = await plan(kube, store, { spec: UPDATE });

    const change = first.entries[0]?.changes?.find(({ path }) => path === "/data/password");
    expect(first.entries[0]).toMatchObject({ action: "patch", redacted: true });
    expect([change?.before, change?.after]).toEqual([
      expect.stringMatching(/^hmac:[0-9a-f]{32}$/),
      expect.stringMatching(/^hmac:[0-9a-f]{32}$/),
    ]);
    expect(again.summary.digest).toBe(first.summary.digest);
    // What is written is the same, so what was approved still is what runs.
    expect(other.summary.digest).toBe(first.summary.digest);
    expect(stale.summary.digest).not.toBe(first.summary.digest);
  });

  it("covers the modifiers that the spec only names", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const store = await backUp(kube, [configMap(namespace, "prices", { apple: "1" })]);
    const rules = (value: string): Record<string, string> => ({
      "rules.yaml": `version: v1\nresourceModifierRules: [{conditions: {groupResource: configmaps}, patches: [{operation: add, path: /data/pear, value: ${value}}]}]`,
    });
    const spec = { resourceModifier: { kind: "ConfigMap" as const, name: "rules" } };

    const [one, same, two] = [
      await plan(kube, store, { spec, modifierData: rules("a") }),
      await plan(kube, store, { spec, modifierData: rules("a") }),
      await plan(kube, store, { spec, modifierData: rules("b") }),
    ];

    expect(one.summary.totals.create).toBe(1);
    expect(same.summary.digest).toBe(one.summary.digest);
    expect(two.summary.digest).not.toBe(one.summary.digest);
  });

  it("comes with a note on a modifier that matches nothing, as the results do", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const store = await backUp(kube, [configMap(namespace, "prices", { apple: "1" })]);
    const patches = [{ operation: "add" as const, path: "/data/pear", value: "two" }];
    const modifiers = ["configmaps", "configmap"].map((groupResource) => ({ conditions: { groupResource }, patches }));

    const planned = await plan(kube, store, { spec: { modifiers } });
    const { outcome } = await restore(kube, store, { spec: { modifiers } });

    expect(planned.summary.notes).toEqual(["resource modifier rule 2 matched no object"]);
    expect(outcome).toMatchObject({ phase: "Completed", warnings: 1 });
    expect(outcome.results.warnings.velero).toEqual(["resource modifier rule 2 matched no object"]);
  });

  it("is there for an undo, and another one when what it would do is", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const store = await backUp(kube, [
      configMap(namespace, "one", { a: "1" }),
      configMap(namespace, "two", { a: "1" }),
    ]);
    const { records } = await restore(kube, store);
    const digestNow = async (): Promise<string> => {
      const backup = await openBackup(store, "backup");
      const request = { run: "undo-1", backup, records, safety: undefined, force: false };
      const stream = planUndoRestore(
        { kube, clock: systemClock, log: silentLogger },
        { ...request, spec: { source: { undoOf: "restore-20260102030405" } } },
      );
      for (;;) {
        const next = await stream.next();
        if (next.done === true) return next.value.digest;
      }
    };

    const [first, same] = [await digestNow(), await digestNow()];
    await cluster.delete("ConfigMap", namespace, "two");
    const other = await digestNow();

    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(same).toBe(first);
    expect(other).not.toBe(first);
  });
});

describe("a plan", () => {
  it("needs the right to read, and sends nothing but reads", async () => {
    const namespace = await cluster.createNamespace();
    const user = uniqueName("reader");
    await cluster.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: user },
      rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list"] }],
    });
    await cluster.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: user },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
    });
    await cluster.waitUntilAllowed(user, `/api/v1/namespaces/${namespace}/secrets`);
    await cluster.apply(configMap(namespace, "drifted", { a: "2" }), secret(namespace, "login", "live"));
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "runner", namespace } };
    const store = await backUp(await client(cluster.kubeconfigPath), [
      configMap(namespace, "drifted", { a: "1" }),
      configMap(uniqueName("fresh"), "new", { a: "1" }),
      secret(namespace, "login", "backup"),
      account,
    ]);
    const proxy = await startClusterProxy(cluster);
    const reader = await client(proxy.kubeconfigPath, { impersonate: user });

    const { summary } = await plan(reader, store, { spec: UPDATE });
    const methods = new Set(proxy.calls.map(({ method }) => method));
    await proxy.stop();
    await cluster.delete("ClusterRoleBinding", undefined, user);
    await cluster.delete("ClusterRole", undefined, user);

    expect(summary.totals).toMatchObject({ patch: 2, create: 3, fail: 0 });
    expect([...methods]).toEqual(["GET"]);
  });
});
