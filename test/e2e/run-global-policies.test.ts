/** `holdfast run --global-backup-volume-policies-configmap`: volume policies that hold for every backup. */
import { describe, expect, it } from "vitest";
import { createBoundClaim } from "../support/bound-claim.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const FLAG = ["--global-backup-volume-policies-configmap", "everywhere"];
const SKIP = "version: v1\nvolumePolicies: [{conditions: {storageClass: [scratch]}, action: {type: skip}}]\n";

async function createConfigMap(namespace: string, name: string, data: object): Promise<void> {
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });
}

/** A namespace with a claim whose volume is of the class that is skipped. */
async function createShop(): Promise<string> {
  const shop = await cluster.createNamespace();
  await createConfigMap(shop, "prices", { apple: "1" });
  await createBoundClaim(cluster, { namespace: shop, storageClass: "scratch" });
  return shop;
}

describe("volume policies of every backup", () => {
  it("are looked at before anything else, and what is wrong with them is said in one line", async () => {
    const { namespace } = holdfast;
    const shop = await createShop();
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, holdfast.bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const missing = await holdfast.once({}, FLAG);
    await createConfigMap(namespace, "everywhere", { policy: `${SKIP}includeExcludePolicy: {}\n` });
    const filtering = await holdfast.once({}, FLAG);

    const at = `global volume policies: ConfigMap ${namespace}/everywhere`;
    expect([missing.code, missing.stderr]).toEqual([
      2,
      `holdfast: ${at} not found: create it, or run without --global-backup-volume-policies-configmap [InvalidSpec]\n`,
    ]);
    expect([filtering.code, filtering.stderr]).toEqual([
      2,
      `holdfast: ${at}: includeExcludePolicy would do nothing: only volumePolicies hold for every backup, so write it into the ConfigMaps that backups name [InvalidSpec]\n`,
    ]);
    expect(await cluster.list("Backup", namespace)).toEqual([]);
  });

  it("hold for a policy that names none, and never stand between a person and a restore", async () => {
    const { namespace } = holdfast;
    const shop = await createShop();
    await createConfigMap(namespace, "everywhere", { policy: SKIP });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, holdfast.bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const made = await holdfast.once({}, FLAG);
    const [backup] = await cluster.list("Backup", namespace);
    const name = backup?.metadata.name ?? "";
    const described = await holdfast.start(["backup", "describe", name]).ended;
    await cluster.delete("ConfigMap", namespace, "everywhere");
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
    await holdfast.commit({ "back.yaml": restoreYaml(namespace, "back", name) });
    const restored = await holdfast.once({}, [...FLAG, "--restore-only"]);

    expect([made.code, restored.code], made.stderr + restored.stderr).toEqual([0, 0]);
    expect(backup?.status).toMatchObject({ phase: "Completed", warnings: 0 });
    expect(described.stdout).toContain(`Global map:   ConfigMap ${namespace}/everywhere\n`);
    expect(described.stdout).toContain("    - skip: storageClass scratch\n");
    expect((await cluster.get("ConfigMap", shop, "prices")).data).toEqual({ apple: "1" });
    const safety = (await cluster.list("Backup", namespace)).filter((each) => each.metadata.name !== name);
    expect(safety.map(({ status }) => status)).toEqual([expect.objectContaining({ phase: "Completed" })]);
  });
});
