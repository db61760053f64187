/** A cluster that says no, or says nothing: every other object is restored, and the result names what was not, why, and what to do. */
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore, webhook } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const UPDATE = { existingResourcePolicy: "update" as const };

const watched = (namespace: string, name: string, data = { a: "1" }): KubeObject =>
  configMap(namespace, name, data, { labels: { watched: "yes" } });

/** Takes connections and never says a word. */
const sockets = new Set<Socket>();
const silent: Server = createServer((socket) => void sockets.add(socket));
afterAll(() => {
  silent.close();
  for (const socket of sockets) socket.destroy();
});

async function silentUrl(): Promise<string> {
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  return `https://127.0.0.1:${(silent.address() as { port: number }).port}/`;
}

/** Waits until the API server heeds what was just configured: a probe is refused. */
async function untilRefused(namespace: string): Promise<void> {
  await waitUntil(
    async () => {
      const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
      const { status } = await cluster.request("POST", path, JSON.stringify(watched(namespace, "probe")));
      return status >= 400 ? true : undefined;
    },
    { what: "a ConfigMap is refused", timeoutMs: 60_000, intervalMs: 100 },
  );
}

describe("a restore into a cluster that refuses", () => {
  it.each<[string, () => Promise<string>]>([
    ["cannot be reached", async () => "https://127.0.0.1:1/"],
    ["does not answer in time", silentUrl],
  ])("names the objects whose webhook %s, and restores the others", async (_what, url) => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const name = uniqueName("hook");
    const store = await backUp(kube, [watched(namespace, "asked"), configMap(namespace, "free", { a: "1" })]);
    await cluster.create(
      webhook(name, namespace, {
        clientConfig: { url: await url() },
        objectSelector: { matchLabels: { watched: "yes" } },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] }],
      }),
    );
    await untilRefused(namespace);

    const { outcome, records } = await restore(kube, store);
    await cluster.delete("ValidatingWebhookConfiguration", undefined, name);

    expect(records.find((record) => record.name === "free")).toMatchObject({ outcome: "created" });
    expect(records.find((record) => record.name === "asked")).toMatchObject({
      outcome: "failed",
      reason: "WebhookFailed",
      message: expect.stringMatching(
        /configmaps\/.*\/asked: .*no\.example\.org.*see to the webhook's backend.*restore again/s,
      ),
    });
    expect([outcome.phase, outcome.errors]).toEqual(["PartiallyFailed", 1]);
  });

  it("names the objects that a policy denies, and restores the others", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const name = uniqueName("deny");
    const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }];
    const store = await backUp(kube, [watched(namespace, "asked"), configMap(namespace, "free", { a: "1" })]);
    await cluster.create({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: rules },
        validations: [{ expression: "!has(object.metadata.labels) || !('watched' in object.metadata.labels)" }],
      },
    });
    const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
    await cluster.create({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"], matchResources },
    });
    await untilRefused(namespace);

    const { outcome, records } = await restore(kube, store);
    await cluster.delete("ValidatingAdmissionPolicyBinding", undefined, name);
    await cluster.delete("ValidatingAdmissionPolicy", undefined, name);

    expect(records.find((record) => record.name === "free")).toMatchObject({ outcome: "created" });
    expect(records.find((record) => record.name === "asked")).toMatchObject({
      outcome: "failed",
      reason: "Denied",
      message: expect.stringMatching(/resource modifier/),
    });
    expect(outcome.phase).toBe("PartiallyFailed");
  });

  it("names a CRD that is never established and its objects, and restores the others", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const group = `${uniqueName("g")}.example.org`;
    await cluster.apply(crd(group, "gauges"));
    await cluster.waitFor("CustomResourceDefinition", undefined, `gauges.${group}`, (object) =>
      JSON.stringify(object.status ?? {}).includes('"Established"'),
    );
    const clashing = crd(group, "meters");
    const custom = { apiVersion: `${group}/v1`, kind: "Gauge", metadata: { name: "lost", namespace } };
    const store = await backUp(kube, [clashing, configMap(namespace, "free", { a: "1" })], "backup", [
      { resource: `meters.${group}`, object: custom },
    ]);

    const { outcome, records } = await restore(kube, store, { limits: { resourceTimeoutMs: 1_500 } });
    await cluster.delete("CustomResourceDefinition", undefined, `meters.${group}`);
    await cluster.delete("CustomResourceDefinition", undefined, `gauges.${group}`);

    expect(records.find((record) => record.name === "free")).toMatchObject({ outcome: "created" });
    expect(records.find((record) => record.name === `meters.${group}`)?.errors?.join()).toMatch(
      /is not available to use for custom resources: .*(?:already in use|conflict)/,
    );
    expect(records.find((record) => record.name === "lost")).toMatchObject({ outcome: "failed", reason: "NotFound" });
    expect([outcome.phase, outcome.errors]).toEqual(["PartiallyFailed", 2]);
  });

  it("says of an immutable field what to do", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const frozen = { ...configMap(namespace, "frozen", { a: "1" }), immutable: true };
    const store = await backUp(kube, [frozen]);
    await cluster.apply({ ...frozen, data: { a: "2" } });

    const { records } = await restore(kube, store, { spec: UPDATE });

    expect(records).toMatchObject([
      { outcome: "failed", reason: "Immutable", message: expect.stringMatching(/existingResourceOverrides recreate/) },
    ]);
  });
});

describe("a cluster that moves under a restore", () => {
  it("gets an object back that was deleted between plan and write", async () => {
    const namespace = await cluster.createNamespace();
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath);
    const store = await backUp(kube, [
      configMap(namespace, "gone", { a: "1" }),
      configMap(namespace, "kept", { a: "1" }),
    ]);
    await cluster.apply(configMap(namespace, "gone", { a: "2" }), configMap(namespace, "kept", { a: "2" }));
    let deleted = 0;
    proxy.setFaults(async ({ method, url }) => {
      if (method !== "PATCH" || !url.includes("/configmaps/gone") || deleted++ > 0) return undefined;
      await cluster.delete("ConfigMap", namespace, "gone");
      return undefined;
    });

    const { outcome, outcomes } = await restore(kube, store, { spec: UPDATE });
    await proxy.stop();

    expect(outcomes).toEqual({ "ConfigMap gone": "created", "ConfigMap kept": "patched" });
    expect([outcome.phase, outcome.errors]).toEqual(["Completed", 0]);
    expect((await cluster.get("ConfigMap", namespace, "gone")).data).toEqual({ a: "1" });
  });

  it("is waited for when it goes away in the middle, and nothing is done twice", async () => {
    const namespace = await cluster.createNamespace();
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath);
    const names = Array.from({ length: 60 }, (_, index) => `cm-${index}`);
    const store = await backUp(
      kube,
      names.map((name) => configMap(namespace, name, { name })),
    );
    let seen = 0;

    const { outcome, records } = await restore(kube, store, {
      onRecord: () => {
        if (++seen !== 5) return;
        proxy.setFaults(() => ({ type: "reset" }));
        setTimeout(() => proxy.setFaults(), 4_000);
      },
    });
    const created = proxy.calls.filter(({ method, status }) => method === "POST" && status === 201);
    await proxy.stop();

    expect([outcome.phase, outcome.errors, records.length]).toEqual(["Completed", 0, names.length]);
    expect(created).toHaveLength(names.length);
  });
});

function crd(group: string, plural: string): KubeObject {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      // the same kind under two plurals: the second one's names are never accepted
      names: { plural, singular: "gauge", kind: "Gauge", listKind: "GaugeList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}
