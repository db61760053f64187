/** RestorePlans of one name in two namespaces, merged in one commit: their runs begin in the same second. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

interface Tenant {
  readonly namespace: string;
  readonly shop: string;
}

/** A namespace with a location and a backup of its own, and a shop that has lost one object since. */
async function createTenant(): Promise<Tenant> {
  const [namespace, shop] = [await cluster.createNamespace(), await cluster.createNamespace()];
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name: `of-${shop}`, namespace },
    spec: { includedNamespaces: [shop] },
  });
  return { namespace, shop };
}

async function statusOf({ namespace }: Tenant, plan: string): Promise<{ phase: string; run: { id: string } }> {
  const found = (await cluster.get("RestorePlan", namespace, plan)) as KubeObject & { status: unknown };
  return found.status as { phase: string; run: { id: string } };
}

const undoYaml = (namespace: string, run: string): string =>
  restoreYaml(namespace, "back", "").replace("backupName: ", `undoOf: ${run}`);

it("run side by side, each with its own records, and the undo of one leaves the other's objects", async () => {
  const tenants = [await createTenant(), await createTenant()] as const;
  const [first, second] = tenants;
  const declare = async (file: string, yamlOf: (tenant: Tenant) => string): Promise<string> =>
    await holdfast.commit({ [file]: tenants.map(yamlOf).join("---\n") });
  const bucketOf = ({ namespace }: Tenant): string => join(holdfast.bucket, namespace);
  for (const tenant of tenants) await mkdir(bucketOf(tenant));
  await declare("locations.yaml", (tenant) => locationYaml(tenant.namespace, bucketOf(tenant)));
  const made = await holdfast.once();
  for (const { shop } of tenants) await cluster.delete("ConfigMap", shop, "prices");
  await declare("restores.yaml", ({ namespace, shop }) => restoreYaml(namespace, "undo", `of-${shop}`));

  const restored = await holdfast.once();
  const runs = await Promise.all(tenants.map((tenant) => statusOf(tenant, "undo")));
  const record = Object.entries(await holdfast.record()).filter(([path]) => path.endsWith("/objects.jsonl"));
  await holdfast.commit({ "back.yaml": undoYaml(first.namespace, runs[0]?.run.id ?? "") });
  const undone = await holdfast.once();

  expect([made.code, restored.code, undone.code], restored.stderr + undone.stderr).toEqual([0, 0, 0]);
  expect(runs.map(({ phase }) => phase)).toEqual(["Completed", "Completed"]);
  expect(await cluster.find("ConfigMap", first.shop, "prices")).toBeUndefined();
  expect(await cluster.find("ConfigMap", second.shop, "prices")).toBeDefined();
  for (const { namespace, shop } of tenants) {
    const [told] = record.filter(([path]) => path.startsWith(`restores/${namespace}/undo/`));
    const lines = (told?.[1] ?? "{}").trim().split("\n");
    const objects = lines.map((line) => JSON.parse(line) as { name: string; namespace?: string });
    expect(new Set(objects.map(({ name, namespace: at = name }) => at))).toEqual(new Set([shop]));
  }
});
