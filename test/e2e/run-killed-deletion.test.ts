import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Failpoint } from "../../src/failpoints.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { letExpire, phaseOf, reasonOf, runIntoKill } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
let shop: string;

/** Every named step of a deletion; a new one does not compile before it has a row. */
const STEPS: Readonly<Record<Extract<Failpoint, `deletion-${string}`>, "marker stands" | "marker is gone">> = {
  "deletion-marked": "marker stands",
  "deletion-marker-gone": "marker is gone",
  "deletion-midway": "marker is gone",
  "deletion-data-gone": "marker is gone",
  "deletion-restores-gone": "marker is gone",
};

/** A backup that a restore was made from and one beside it; neither they nor the restores stand in Git, but one. */
beforeEach(async () => {
  const { namespace, bucket } = holdfast;
  shop = await cluster.createNamespace();
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  for (const name of ["old", "young"]) await createBackup(name);
  await cluster.applyYaml(restoreYaml(namespace, "by-hand", "old", OFF));
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "declared.yaml": restoreYaml(namespace, "declared", "old", `${OFF}  runId: "2"\n`),
  });
  await holdfast.once();
});

/** Five runs a test. */
const TIMEOUT_MS = 300_000;
const OFF = '  safetyBackup:\n    mode: "Off"\n';

async function createBackup(name: string): Promise<void> {
  const metadata = { name, namespace: holdfast.namespace };
  const spec = { includedNamespaces: [shop] };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
}

async function backups(): Promise<string[]> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return found.map((each) => `${each.metadata.name} ${phaseOf(each)}`).sort();
}

async function restores(): Promise<string[]> {
  const found = await cluster.list("RestorePlan", holdfast.namespace);
  return found.map((each) => `${each.metadata.name} ${phaseOf(each)} ${reasonOf(each)}`).sort();
}

/** Folders of the bucket: backups, and restores without the times in their names; claims and records. */
async function folders(): Promise<string[]> {
  const below = async (top: string) => (await readdir(join(holdfast.bucket, top))).map((name) => `${top}/${name}`);
  const all = [...(await below("backups")), ...(await below("restores"))];
  // claims first: one may end in so many digits too
  return all.map((name) => name.replace(/holdfast-[0-9a-f]{32}/, "claim").replace(/\d{14}$/, "TIME")).sort();
}

describe("an expired backup whose deletion is killed", () => {
  it.each(Object.entries(STEPS) as [Failpoint, string][])(
    "at %s (%s) is deleted whole by the next run",
    async (step, marker) => {
      const before = await folders();
      await letExpire(cluster, holdfast, "old");

      const killed = await runIntoKill(cluster, holdfast, { mode: "once", step });
      const standing = existsSync(join(holdfast.bucket, "backups/old/velero-backup.json"));
      const after = await holdfast.once();
      const again = await holdfast.once();

      expect([killed.signal, standing]).toEqual(["SIGKILL", marker === "marker stands"]);
      expect(after, after.stderr).toMatchObject({ code: 0 });
      expect(before).toEqual([
        "backups/old",
        "backups/young",
        "restores/by-hand-TIME",
        "restores/claim",
        "restores/claim",
        "restores/declared-TIME",
      ]);
      expect(await folders()).toEqual(["backups/young", "restores/claim", "restores/claim"]);
      expect(await backups()).toEqual(["young Completed"]);
      expect(await restores()).toEqual(["declared Completed Completed"]);
      expect(again, again.stderr).toMatchObject({ code: 0 });
      expect(await cluster.get("ConfigMap", shop, "prices")).toBeDefined();
    },
    TIMEOUT_MS,
  );
});

describe("a backup that Git declares", () => {
  it("stays as Deleted when it has expired, and is never made again", { timeout: TIMEOUT_MS }, async () => {
    const { namespace } = holdfast;
    const yaml = `apiVersion: holdfast.dev/v1alpha1\nkind: Backup\nmetadata:\n  name: pinned\n  namespace: ${namespace}\nspec:\n  includedNamespaces: [${shop}]\n`;
    await holdfast.commit({ "pinned.yaml": yaml });
    await holdfast.once();
    await letExpire(cluster, holdfast, "pinned");

    const expired = await holdfast.once();
    await holdfast.once();

    expect(expired, expired.stderr).toMatchObject({ code: 0 });
    expect(await backups()).toEqual(["old Completed", "pinned Deleted", "young Completed"]);
    expect(await readdir(join(holdfast.bucket, "backups"))).toEqual(["old", "young"]);
    const record = Object.entries(await holdfast.record()).find(([path]) => path.endsWith("/pinned.yaml"))?.[1];
    expect(record).toContain("gone: true");
  });
});
