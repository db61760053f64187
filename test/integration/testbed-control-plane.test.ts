import { describe, expect, it } from "vitest";
import { useTestCluster } from "../support/use-test-cluster.ts";

describe("the shared control plane", () => {
  const cluster = useTestCluster();

  it("keeps what is applied, and says which version it is", async () => {
    const namespace = await cluster.createNamespace();

    await cluster.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace, name: "cfg" },
      data: { color: "red" },
    });
    const version = await cluster.request("GET", "/version");

    expect((await cluster.get("ConfigMap", namespace, "cfg")).data).toEqual({ color: "red" });
    expect(JSON.parse(version.text)).toMatchObject({ gitVersion: "v1.36.3", major: "1", minor: "36" });
  });

  it("ends namespaces and collects what they held", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: "cfg" } });

    await cluster.delete("Namespace", undefined, namespace);

    expect(await cluster.find("ConfigMap", namespace, "cfg")).toBeUndefined();
  });

  it("serves the kind of an applied CRD at once", async () => {
    const group = "testbed.example.com";
    const names = { plural: "widgets", singular: "widget", kind: "Widget" };
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    const namespace = await cluster.createNamespace();

    await cluster.apply(
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `widgets.${group}` },
        spec: { group, names, scope: "Namespaced", versions },
      },
      { apiVersion: `${group}/v1`, kind: "Widget", metadata: { namespace, name: "one" }, spec: { size: 3 } },
    );

    expect((await cluster.get(`Widget.${group}`, namespace, "one")).spec).toEqual({ size: 3 });
    await cluster.delete("CustomResourceDefinition", undefined, `widgets.${group}`);
  });

  it("lets a service account do what RBAC grants it and no more", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name: "app" } });

    const token = await cluster.serviceAccountToken(namespace, "app");
    const answer = await cluster.request("GET", `/api/v1/namespaces/${namespace}/secrets`, undefined, {
      headers: { authorization: `Bearer ${token}` },
    });

    expect(answer.status).toBe(403);
  });
});
