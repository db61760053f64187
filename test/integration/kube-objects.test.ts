import { beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };
const DEPLOYMENTS = { group: "apps", version: "v1", resource: "deployments" };
const NAMESPACES = { group: "", version: "v1", resource: "namespaces" };

function configMap(namespace: string, name: string, data: Record<string, string> = { color: "red" }): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
}

function deployment(namespace: string, name: string): KubeObject {
  const labels = { app: name };
  const containers = [{ name: "web", image: "nginx:1", env: [{ name: "A", value: "1" }] }];
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { namespace, name }, spec };
}

describe("verbs on one object", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let kube: KubeClient;
  let namespace: string;

  beforeAll(async () => {
    kube = await connect(cluster.kubeconfigPath);
    namespace = await cluster.createNamespace();
  });

  it("creates and reads; an absent object is undefined, a second create is KubeExists", async () => {
    await kube.create(CONFIG_MAPS, configMap(namespace, "first"), { fieldManager: "holdfast-test" });

    const live = await cluster.get("ConfigMap", namespace, "first");
    expect(live).toMatchObject({ data: { color: "red" }, metadata: { managedFields: [{ manager: "holdfast-test" }] } });
    expect(await kube.get(CONFIG_MAPS, { namespace, name: "first" })).toEqual(live);
    expect(await kube.get(CONFIG_MAPS, { namespace, name: "absent" })).toBeUndefined();
    await expect(kube.create(CONFIG_MAPS, configMap(namespace, "first"))).rejects.toMatchObject({ code: "KubeExists" });
  });

  it("reads exactly the bytes of an object", async () => {
    await cluster.create(configMap(namespace, "exact", { "a.b": 'ü\u2028"\\' }));

    const bytes = await kube.getBytes(CONFIG_MAPS, { namespace, name: "exact" });

    const answer = await cluster.request("GET", `/api/v1/namespaces/${namespace}/configmaps/exact`);
    expect(Buffer.from(bytes ?? []).toString()).toBe(answer.text.trimEnd());
  });

  it("writes as the product's name unless told otherwise", async () => {
    const named = await connect(cluster.kubeconfigPath, { userAgent: "holdfast/9.9" });

    const created = await named.create(CONFIG_MAPS, configMap(namespace, "agent"));

    expect(created.metadata.managedFields).toMatchObject([{ manager: "holdfast" }]);
  });

  it("changes nothing in a dry run", async () => {
    await kube.create(CONFIG_MAPS, configMap(namespace, "dry"), { dryRun: true });

    expect(await cluster.find("ConfigMap", namespace, "dry")).toBeUndefined();
  });

  it("refuses an unknown field where validation is strict", async () => {
    const typo = { ...configMap(namespace, "typo"), dada: {} };

    const created = kube.create(CONFIG_MAPS, typo, { fieldValidation: "Strict" });

    await expect(created).rejects.toMatchObject({
      code: "KubeRejected",
      data: { status: 400 },
      message: /unknown field "dada"/,
    });
  });

  it("patches by JSON Patch, and calls a failed test a conflict", async () => {
    const created = await kube.create(CONFIG_MAPS, configMap(namespace, "patched"));
    const key = { namespace, name: "patched" };
    const test = { op: "test", path: "/metadata/resourceVersion", value: created.metadata.resourceVersion };
    const change = { op: "replace", path: "/data/color", value: "blue" };

    await kube.patch(CONFIG_MAPS, key, { type: "json", operations: [test, change] });

    expect((await cluster.get("ConfigMap", namespace, "patched")).data).toEqual({ color: "blue" });
    const stale = kube.patch(CONFIG_MAPS, key, { type: "json", operations: [test, { ...change, value: "green" }] });
    await expect(stale).rejects.toMatchObject({ code: "KubeConflict" });
    const missing = kube.patch(CONFIG_MAPS, key, { type: "json", operations: [{ op: "remove", path: "/data/none" }] });
    await expect(missing).rejects.toMatchObject({ code: "KubeConflict" });
    expect((await cluster.get("ConfigMap", namespace, "patched")).data).toEqual({ color: "blue" });
  });

  it("tells an invalid result from a failed test", async () => {
    await kube.create(DEPLOYMENTS, deployment(namespace, "invalid"));

    const operations = [{ op: "replace", path: "/spec/selector/matchLabels", value: { app: "other" } }];
    const patched = kube.patch(DEPLOYMENTS, { namespace, name: "invalid" }, { type: "json", operations });

    await expect(patched).rejects.toMatchObject({ code: "KubeRejected", data: { status: 422, reason: "Invalid" } });
  });

  it("merges by merge patch and by strategic merge patch", async () => {
    const key = { namespace, name: "merged" };
    await kube.create(DEPLOYMENTS, deployment(namespace, "merged"));

    await kube.patch(DEPLOYMENTS, key, { type: "merge", body: { metadata: { annotations: { a: "1", b: "2" } } } });
    await kube.patch(DEPLOYMENTS, key, { type: "merge", body: { metadata: { annotations: { a: null } } } });
    const env = [{ name: "B", value: "2" }];
    const body = { spec: { template: { spec: { containers: [{ name: "web", env }] } } } };
    await kube.patch(DEPLOYMENTS, key, { type: "strategic", body });

    const live = await cluster.get("Deployment", namespace, "merged");
    expect(live.metadata.annotations).toMatchObject({ b: "2" });
    expect(live.metadata.annotations).not.toHaveProperty("a");
    expect(live.spec).toMatchObject({
      template: { spec: { containers: [{ image: "nginx:1", env: [{ name: "B" }, { name: "A" }] }] } },
    });
  });

  it("patches status by its subresource and leaves the spec alone", async () => {
    const key = { namespace, name: "status" };
    await kube.create(DEPLOYMENTS, deployment(namespace, "status"));

    const body = { spec: { replicas: 7 }, status: { collisionCount: 3 } };
    await kube.patch(DEPLOYMENTS, key, { type: "merge", body }, { subresource: "status" });

    expect(await cluster.get("Deployment", namespace, "status")).toMatchObject({
      spec: { replicas: 1 },
      status: { collisionCount: 3 },
    });
  });

  it("replaces; a stale resourceVersion is KubeConflict, an absent object KubeNotFound", async () => {
    const created = await kube.create(CONFIG_MAPS, configMap(namespace, "replaced"));

    await kube.replace(CONFIG_MAPS, { ...created, data: { color: "blue" } });

    expect((await cluster.get("ConfigMap", namespace, "replaced")).data).toEqual({ color: "blue" });
    await expect(kube.replace(CONFIG_MAPS, created)).rejects.toMatchObject({ code: "KubeConflict" });
    const absent = configMap(namespace, "gone");
    const patched = kube.patch(CONFIG_MAPS, { namespace, name: "gone" }, { type: "merge", body: absent });
    await expect(patched).rejects.toMatchObject({ code: "KubeNotFound" });
  });

  it("deletes only what the preconditions mean", async () => {
    const created = await kube.create(CONFIG_MAPS, configMap(namespace, "deleted"));
    const key = { namespace, name: "deleted" };
    const { uid = "", resourceVersion = "" } = created.metadata;

    const other = "00000000-0000-0000-0000-000000000000";
    await expect(kube.delete(CONFIG_MAPS, key, { uid: other })).rejects.toMatchObject({ code: "KubeConflict" });
    await expect(kube.delete(CONFIG_MAPS, key, { resourceVersion: "1" })).rejects.toMatchObject({
      code: "KubeConflict",
    });
    expect(await kube.delete(CONFIG_MAPS, key, { uid, dryRun: true })).toBe(true);
    expect(await cluster.find("ConfigMap", namespace, "deleted")).toBeDefined();

    expect(await kube.delete(CONFIG_MAPS, key, { uid, resourceVersion, propagationPolicy: "Background" })).toBe(true);
    expect(await cluster.find("ConfigMap", namespace, "deleted")).toBeUndefined();
    expect(await kube.delete(CONFIG_MAPS, key)).toBe(false);
  });

  it("says why the server forbids a write", async () => {
    const token = await cluster.serviceAccountToken(namespace, "default");
    const account = await connect(cluster.kubeconfigPath, {
      impersonate: `system:serviceaccount:${namespace}:default`,
    });
    expect(token).not.toBe("");

    const created = account.create(CONFIG_MAPS, configMap(namespace, "forbidden"));

    await expect(created).rejects.toMatchObject({
      code: "KubeForbidden",
      data: { status: 403 },
      message: /cannot create resource "configmaps"/,
    });
  });

  it("names a namespace that is on its way out", async () => {
    const ending = uniqueName("ending");
    await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: ending } });
    await cluster.create({
      ...configMap(ending, "held"),
      metadata: { namespace: ending, name: "held", finalizers: ["holdfast.dev/test"] },
    });
    await kube.delete(NAMESPACES, { namespace: "", name: ending });

    const created = kube.create(CONFIG_MAPS, configMap(ending, "late"));

    await expect(created).rejects.toMatchObject({ code: "KubeForbidden", data: { reason: "NamespaceTerminating" } });
    await cluster.patch("ConfigMap", ending, "held", { metadata: { finalizers: null } });
  });

  it("reads any path, JSON or text", async () => {
    expect(await kube.getPath("/version")).toMatchObject({ major: "1" });
    expect(await kube.getPath("/readyz")).toBe("ok");
    await expect(kube.getPath("/nothing")).rejects.toMatchObject({ code: "KubeNotFound" });
  });

  it("keeps names that climb paths inside their segment", async () => {
    const climbing = kube.get(CONFIG_MAPS, { namespace, name: ".." });
    await expect(climbing).rejects.toMatchObject({ code: "KubeRejected", data: { status: 400 } });
    expect(await kube.get(CONFIG_MAPS, { namespace, name: "first?x=/../y" })).toBeUndefined();
  });

  it("stops at the signal's reason", async () => {
    const reason = new Error("enough");

    await expect(kube.get(CONFIG_MAPS, { namespace, name: "first" }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
