/** What an operator does about backups that are there: by the command line, and by YAML that goes. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, locationYaml, useInstallation } from "./run-fixture.ts";
import { letExpire, phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const TIMEOUT_MS = 300_000;

/** Two backups by hand. */
beforeEach(async () => {
  const shop = await cluster.createNamespace();
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  for (const name of ["old", "young"]) {
    const metadata = { name, namespace: holdfast.namespace };
    const spec = { includedNamespaces: [shop], ttl: name === "old" ? "24h" : "0s" };
    await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
  }
  await holdfast.commit({ "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket) });
  await once();
}, TIMEOUT_MS);

const once = async (): Promise<Ended> => await holdfast.once();
const cli = async (...args: string[]): Promise<Ended> => await holdfast.start(args).ended;
const folders = async (): Promise<string[]> => await readdir(join(holdfast.bucket, "backups"));
const inCluster = async (name: string): Promise<KubeObject | undefined> =>
  await cluster.find("Backup", holdfast.namespace, name);

async function blockedBy(name: string): Promise<string | undefined> {
  const { conditions } = ((await inCluster(name))?.status ?? {}) as {
    conditions?: { type: string; reason: string; message: string }[];
  };
  const found = conditions?.find(({ type }) => type === "DeletionBlocked");
  return found && `${found.reason}: ${found.message}`;
}

describe("holdfast retention plan", { timeout: TIMEOUT_MS }, () => {
  it("says of each backup whether it stays or goes and why, and changes nothing", async () => {
    await letExpire(cluster, holdfast, "old");

    const text = await cli("retention", "plan");
    const wide = await cli("retention", "plan", "--output", "wide");
    const going = await cli("retention", "plan", "--only", "delete", "--output", "json");
    const markdown = await cli("retention", "plan", "--output", "markdown");
    const wrong = await cli("retention", "plan", "--only", "some");

    expect(text.code, text.stderr).toBe(0);
    expect(text.stdout).toMatch(/^BACKUP +STATUS +AGE +EXPIRES +ACTION$/m);
    expect(text.stdout).toMatch(/^old +Completed +\d+\w +expired +delete\n {4}- its time was over at \d{4}-/m);
    expect(text.stdout).toMatch(/^young +Completed +\d+\w +<none> +keep\n {4}- ttl 0s: for ever$/m);
    expect(Math.max(...text.stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(wide.stdout).toMatch(/^old +<none> +Completed .* delete +its time was over at \d{4}-/m);
    expect(wide.stdout).toMatch(/^young +<none> +Completed .* keep +ttl 0s: for ever/m);
    expect(text.stdout).toContain("1 kept, 1 to be deleted.");
    expect(JSON.parse(going.stdout)).toMatchObject([
      { backup: "old", phase: "Completed", action: "delete", reasons: [{ rule: "Expired" }] },
    ]);
    expect(markdown.stdout).toMatch(/^\| young \|.*\| keep \| ttl 0s: for ever \|$/m);
    expect(wrong.code).toBe(2);
    expect(await folders()).toEqual(["old", "young"]);

    await holdfast.once({}, ["--restore-only"]);
    expect(await folders()).toEqual(["old", "young"]);

    const ran = await once();
    expect([ran.code, await folders(), await inCluster("old")]).toEqual([0, ["young"], undefined]);
  });
});

describe("a Backup whose YAML is taken out of Git", { timeout: TIMEOUT_MS }, () => {
  it("is pruned without its data, and is there again as the bucket has it", async () => {
    const { namespace, bucket } = holdfast;
    const yaml = (name: string): string =>
      `apiVersion: holdfast.dev/v1alpha1\nkind: Backup\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\nspec:\n  includedNamespaces: [default]\n`;
    await holdfast.commit({ "one.yaml": yaml("one"), "two.yaml": yaml("two") });
    await holdfast.once({}, ["--prune"]);
    const declared = await inCluster("one");
    const marker = join(bucket, "backups/one/velero-backup.json");
    const before = await readFile(marker);

    await holdfast.commit({ "one.yaml": null });
    const pruned = await holdfast.once({}, ["--prune"]);
    await holdfast.once({}, ["--prune"]);

    const found = await inCluster("one");
    expect(pruned.code, pruned.stderr).toBe(0);
    expect([phaseOf(declared), phaseOf(found)]).toEqual(["Completed", "Completed"]);
    expect(found?.metadata.uid).not.toBe(declared?.metadata.uid);
    expect(await readFile(marker)).toEqual(before);
  });
});

describe("holdfast backup delete", { timeout: TIMEOUT_MS }, () => {
  it("asks for --confirm, and deletes a folder that no Backup stands for with --location", async () => {
    await mkdir(join(holdfast.bucket, "backups", "half"));
    await writeFile(join(holdfast.bucket, "backups", "half", "half.tar.gz"), "half an archive");

    const unknown = await cli("backup", "delete", "half");
    const nowhere = await cli("backup", "delete", "none", "--location", "main");
    const asked = await cli("backup", "delete", "half", "--location", "main");
    await once();
    const before = await folders();
    const confirmed = await cli("backup", "delete", "half", "--location", "main", "--confirm");
    const ran = await once();

    expect([unknown.code, nowhere.code, asked.code, confirmed.code]).toEqual([1, 1, 0, 0]);
    expect(unknown.stderr).toContain("--location names a bucket that may hold its folder");
    expect(asked.stdout).toBe("Backup half and its data would be deleted: add --confirm\n");
    expect(before).toEqual(["half", "old", "young"]);
    expect(ran.code, ran.stderr).toBe(0);
    expect([await folders(), await inCluster("half")]).toEqual([["old", "young"], undefined]);
  });

  it("gives up what is in a location that is gone only with --force, and its data stays for the day it is back", async () => {
    await holdfast.commit({ "location.yaml": null, "README.md": "no location\n" });
    await cluster.delete("BackupStorageLocation", holdfast.namespace, "main");

    await cli("backup", "delete", "old", "--confirm");
    await once();
    const refused = await blockedBy("old");
    const forced = await cli("backup", "delete", "old", "--force", "--confirm");
    await once();

    expect(refused).toMatch(/^LocationMissing: .* holdfast backup delete --force$/);
    expect([forced.code, await inCluster("old"), phaseOf(await inCluster("young"))]).toEqual([
      0,
      undefined,
      "Completed",
    ]);
    expect(await folders()).toEqual(["old", "young"]);

    await holdfast.commit({ "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket) });
    await once();
    expect(phaseOf(await inCluster("old"))).toBe("Completed");
  });
});
