import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

/** A namespace with one ConfigMap that can be changed and lost. */
async function createShop(): Promise<string> {
  const shop = await cluster.createNamespace();
  await cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "prices", namespace: shop },
    data: { apple: "1", pear: "2" },
  });
  return shop;
}

async function backupOf(namespace: string): Promise<string> {
  const [backup] = await cluster.list("Backup", namespace);
  return backup?.metadata.name ?? "";
}

describe("holdfast run --once", () => {
  it("backs up what a policy in Git says, restores by a RestorePlan in Git, and writes the record", async () => {
    const shop = await createShop();
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const backedUp = await holdfast.once();
    const backup = await backupOf(namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "100" } });
    await holdfast.commit({ "restore.yaml": restoreYaml(namespace, "undo", backup) });
    const restored = await holdfast.once();

    expect([backedUp.code, backedUp.stderr].join("\n")).toMatch(/^0\n/);
    expect([restored.code, restored.stderr].join("\n")).toMatch(/^0\n/);
    expect((await cluster.get("ConfigMap", shop, "prices")).data).toEqual({ apple: "1", pear: "2" });
    const record = await holdfast.record();
    const paths = Object.keys(record);
    expect(paths).toEqual(
      expect.arrayContaining(["README.md", "cluster.json", "index.json", `policies/${namespace}/shop.yaml`]),
    );
    expect(paths.filter((path) => path.endsWith(`/${backup}.yaml`))).toHaveLength(1);
    const status =
      paths.find((path) => path.startsWith(`restores/${namespace}/undo/`) && path.endsWith("status.yaml")) ?? "";
    expect(parse(record[status] ?? "")).toMatchObject({ phase: "Completed", backup: { name: backup } });
    expect(paths.some((path) => path.endsWith("objects.jsonl"))).toBe(true);
    const key = JSON.parse(record[paths.find((path) => path.startsWith("keys/")) ?? ""] ?? "{}");
    expect(key).toMatchObject({ cluster: "testbed", done: { phase: "Completed" } });
  });

  it("tells of a volume that its data is not in the backup, wherever the backup is told of", async () => {
    const shop = await createShop();
    const { namespace, bucket } = holdfast;
    const ways = { accessModes: ["ReadWriteOnce"], storageClassName: shop };
    await cluster.create({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: shop },
      spec: { ...ways, capacity: { storage: "1Gi" }, hostPath: { path: "/nowhere" } },
    });
    const spec = { ...ways, volumeName: shop, resources: { requests: { storage: "1Gi" } } };
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "disk", namespace: shop },
      spec,
    };
    await cluster.create(claim);
    // no controller binds them here
    const bound = { status: { phase: "Bound" } };
    await cluster.patch("PersistentVolumeClaim", shop, "disk", bound, { subresource: "status" });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const backedUp = await holdfast.once();
    const name = await backupOf(namespace);
    const { status } = await cluster.get("Backup", namespace, name);
    const described = await holdfast.start(["backup", "describe", name]).ended;

    expect([backedUp.code, backedUp.stderr].join("\n")).toMatch(/^0\n/);
    expect(status).toMatchObject({
      phase: "Completed",
      warnings: 1,
      unprotectedVolumes: 1,
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: "VolumeDataNotProtected", status: "True", reason: "VolumesNotCopied" }),
      ]),
    });
    const words = described.stdout.replace(/\s+/g, " ");
    expect(words).toContain(`the data of volume ${shop} is not in this backup`);
    expect(words).toMatch(new RegExp(`Volumes: 1, 1 without their data - ${shop} of ${shop}/disk: no data`));
  });

  it("tells by its exit code of what it did itself, not of what it finds", async () => {
    const shop = await createShop();
    const { namespace, bucket } = holdfast;
    const location = locationYaml(namespace, bucket);
    const policy = policyYaml(namespace, "shop", shop);
    await holdfast.commit({ "location.yaml": location, "shop.yaml": policy });
    await holdfast.once();
    const backup = await backupOf(namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "100" } }); // and a restore that leaves it so
    await holdfast.commit({
      "bad.yaml": restoreYaml(namespace, "bad", backup, "  existingResourceOverrides: { configmaps: fail }\n"),
    });
    const failing = await holdfast.once();
    const marker = join(bucket, "backups", backup, "velero-backup.json");
    const told = JSON.parse(await readFile(marker, "utf8")) as { status: object };
    await writeFile(marker, JSON.stringify({ ...told, status: { ...told.status, phase: "PartiallyFailed" } }));
    await cluster.delete("RestorePlan", namespace, "bad");
    await cluster.delete("Backup", namespace, backup);

    const finding = await holdfast.once();

    const found = await cluster.get("Backup", namespace, backup);
    const ran = await cluster.get("RestorePlan", namespace, "bad");
    expect([found.status, ran.status]).toMatchObject([{ phase: "PartiallyFailed" }, { phase: "PartiallyFailed" }]);
    expect(JSON.stringify(ran.status)).toContain("AlreadyRun");
    expect([failing.code, finding.code, finding.stderr].join("\n")).toMatch(/^3\n0\n/);
  });

  it("writes nothing the second time: not to the cluster, not to Git", async () => {
    const shop = await createShop();
    const { namespace, bucket, repository } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    await holdfast.once();
    const head = await repository.resolve("refs/heads/holdfast/testbed");
    const proxy = await startClusterProxy(cluster, { keepBodies: true });

    const second = await holdfast.once({ kubeconfigPath: proxy.kubeconfigPath });
    // the leader's lease is taken and given back; it says nothing of the world
    const writes = proxy.calls.filter(({ method, url }) => method !== "GET" && !url.includes("/leases"));
    await proxy.stop();

    expect([second.code, second.stderr].join("\n")).toMatch(/^0\n/);
    expect(proxy.calls.length).toBeGreaterThan(5);
    expect(writes.map(({ method, url, requestBody }) => `${method} ${url} ${requestBody}`)).toEqual([]);
    expect(await repository.resolve("refs/heads/holdfast/testbed")).toBe(head);
  });
});
