import { afterEach, beforeEach, expect, it } from "vitest";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { freeLease, locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const GROUP = "orders.example.com";

const CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `orders.${GROUP}` },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: { plural: "orders", singular: "order", kind: "Order" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

let proxy: ClusterProxy;

beforeEach(async () => {
  proxy = await startClusterProxy(cluster);
});
afterEach(() => proxy.stop());

it("a restore killed between a create and what follows it puts the status back when it goes on", async () => {
  await cluster.apply(CRD);
  const shop = await cluster.createNamespace();
  const { namespace, bucket, repository } = holdfast;
  const order = {
    apiVersion: `${GROUP}/v1`,
    kind: "Order",
    metadata: { name: "one", namespace: shop },
    spec: { n: 1 },
  };
  await cluster.create(order);
  await cluster.patch("Order", shop, "one", { status: { phase: "Shipped" } }, { subresource: "status" });
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  await cluster.delete("Order", shop, "one");
  const extra = `  restoreStatus:\n    includedResources: [orders.${GROUP}]\n`;
  await holdfast.commit({ "restore.yaml": restoreYaml(namespace, "undo", backup, extra) });

  const running = holdfast.start(["run", "--repo", repository.path, "--once"], {
    kubeconfigPath: proxy.kubeconfigPath,
  });
  proxy.setFaults(({ method, url }) => {
    if (method !== "PUT" || !url.includes("/orders/one/status")) return undefined;
    running.process.kill("SIGKILL");
    return { type: "reset" };
  });
  const killed = await running.ended;
  await freeLease(cluster, holdfast);
  const halfway = await cluster.get("Order", shop, "one");
  const next = await holdfast.once();
  const whole = await cluster.get("Order", shop, "one");

  expect([killed.signal, halfway.status]).toEqual(["SIGKILL", undefined]);
  expect([next.code, next.stderr].join("\n")).toMatch(/^0\n/);
  expect(whole.status).toEqual({ phase: "Shipped" });
  expect(whole.metadata.uid).toBe(halfway.metadata.uid);
});
