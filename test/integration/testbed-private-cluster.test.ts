import { describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

describe("a private cluster", () => {
  const cluster = usePrivateCluster({ controllerManager: false });

  it("comes back with its data after its API server was killed", async () => {
    await cluster.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "kept" } });

    await cluster.controlPlane.killApiServer();
    await expect(cluster.request("GET", "/readyz")).rejects.toThrow();
    await cluster.controlPlane.startApiServer();

    expect(await cluster.find("ConfigMap", "default", "kept")).toBeDefined();
  });

  it("takes pods without service accounts when it has no controller manager", async () => {
    const spec = { containers: [{ name: "main", image: "app" }] };

    await cluster.create({ apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name: "p" }, spec });

    expect(await cluster.find("Pod", "default", "p")).toBeDefined();
  });
});
