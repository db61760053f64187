import { describe, expect, it } from "vitest";
import { FAILPOINTS, type Failpoint } from "../../src/failpoints.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const OBJECTS = 6;

async function createShop(): Promise<string> {
  const shop = await cluster.createNamespace();
  for (let at = 0; at < OBJECTS; at++) {
    const metadata = { name: `prices-${at}`, namespace: shop };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { price: String(at) } });
  }
  return shop;
}

function phaseOf(object: KubeObject | undefined): string | undefined {
  return (object?.status as { phase?: string } | undefined)?.phase;
}

const backupSteps = FAILPOINTS.filter((step) => step.startsWith("backup-"));
const restoreSteps = FAILPOINTS.filter((step) => step.startsWith("restore-"));

describe("a process killed while it makes a backup", () => {
  it.each(backupSteps)("at %s loses no marked backup and makes the slot up once", async (step: Failpoint) => {
    const shop = await createShop();
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const killed = await holdfast.once({ env: { HOLDFAST_FAULT_AT: step } });
    const next = await holdfast.once();

    const backups = await cluster.list("Backup", namespace);
    const phases = backups
      .map((backup) => `${backup.metadata.name.replace(/\d{14}/, "SLOT")} ${phaseOf(backup)}`)
      .sort();
    const isMarked = step === "backup-marker-put";
    expect(killed.signal).toBe("SIGKILL");
    expect([next.code, next.stderr].join("\n")).toMatch(/^0\n/);
    expect(phases).toEqual(
      isMarked ? ["shop-hourly-SLOT Completed"] : ["shop-hourly-SLOT Failed", "shop-hourly-SLOT-r1 Completed"],
    );
    const record = Object.keys(await holdfast.record()).filter((path) => /^backups\/.*\.yaml$/.test(path));
    expect(record).toHaveLength(isMarked ? 1 : 2);
  });
});

describe("a process killed while it restores", () => {
  it.each(restoreSteps)("at %s goes on as the same run, once", async (step: Failpoint) => {
    const shop = await createShop();
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    await holdfast.once();
    const [backup] = await cluster.list("Backup", namespace);
    for (let at = 0; at < OBJECTS; at++)
      await cluster.patch("ConfigMap", shop, `prices-${at}`, { data: { price: "changed" } });
    await holdfast.commit({ "restore.yaml": restoreYaml(namespace, "undo", backup?.metadata.name ?? "") });

    const killed = await holdfast.once({ env: { HOLDFAST_FAULT_AT: step } });
    const begun = await cluster.get("RestorePlan", namespace, "undo");
    const next = await holdfast.once();
    await cluster.patch("ConfigMap", shop, "prices-0", { data: { price: "changed later" } });
    await cluster.delete("RestorePlan", namespace, "undo");
    const again = await holdfast.once();

    expect(killed.signal).toBe("SIGKILL");
    expect([next.code, next.stderr].join("\n")).toMatch(/^0\n/);
    expect([again.code, again.stderr].join("\n")).toMatch(/^0\n/);
    const prices = await cluster.list("ConfigMap", shop);
    const values = prices
      .filter(({ metadata }) => metadata.name.startsWith("prices-"))
      .map(({ data }) => (data as { price: string }).price);
    expect(values.sort()).toEqual(["1", "2", "3", "4", "5", "changed later"]);
    const ended = await cluster.get("RestorePlan", namespace, "undo");
    const runOf = (plan: KubeObject): unknown => (plan.status as { run?: { id?: string } }).run?.id;
    expect(phaseOf(ended)).toBe("Completed");
    expect(runOf(ended)).toBe(runOf(begun));
    const record = await holdfast.record();
    expect(Object.keys(record).filter((path) => path.startsWith("keys/"))).toHaveLength(1);
    const objects = record[`restores/${namespace}/undo/${runOf(begun)}/objects.jsonl`] ?? "";
    const patched = objects
      .split("\n")
      .filter((line) => line.includes('"name":"prices-') && line.includes('"patched"'));
    expect(patched).toHaveLength(OBJECTS);
  });
});
