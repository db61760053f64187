/** What is taken away behind Holdfast's back, each in turn: the outcomes are those that docs/spec/backup.md promises. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, locationYaml, useInstallation } from "./run-fixture.ts";
import { phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const TIMEOUT_MS = 400_000;
const NAMES = ["a", "b", "c", "d", "e"];

beforeEach(async () => {
  const shop = await cluster.createNamespace();
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  for (const name of NAMES) {
    const metadata = { name, namespace: holdfast.namespace };
    const spec = { includedNamespaces: [shop] };
    await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
  }
  await holdfast.commit({ "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket) });
  await holdfast.once();
}, TIMEOUT_MS);

async function backups(): Promise<string[]> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return found.map((each) => `${each.metadata.name} ${phaseOf(each)}`).sort();
}

async function folders(): Promise<string[]> {
  return await readdir(join(holdfast.bucket, "backups"));
}

async function remove(path: string): Promise<void> {
  await rm(join(holdfast.bucket, "backups", path), { recursive: true });
}

async function verify(name: string): Promise<Ended> {
  return await holdfast.start(["backup", "verify", name, "--read-data"]).ended;
}

async function saidOfLocation(): Promise<string> {
  const { status } = await cluster.get("BackupStorageLocation", holdfast.namespace, "main");
  const { conditions } = status as { conditions: { type: string; reason: string; message: string }[] };
  const ready = conditions.find(({ type }) => type === "Ready");
  return `${ready?.reason}: ${ready?.message}`;
}

const completed = (names: readonly string[]): string[] => names.map((name) => `${name} Completed`);

it("the object, the marker, the archive, a folder and all of them", { timeout: TIMEOUT_MS }, async () => {
  expect(await backups()).toEqual(completed(NAMES));

  // the object: the bucket brings it back
  await cluster.delete("Backup", holdfast.namespace, "a");
  await holdfast.once();
  expect(await backups()).toEqual(completed(NAMES));

  // the marker and the archive: nothing is deleted for it, and verify says what is missing
  await remove("b/velero-backup.json");
  await remove("c/c.tar.gz");
  await holdfast.once();
  const [noMarker, noArchive] = [await verify("b"), await verify("c")];
  expect(await backups()).toEqual(completed(NAMES));
  expect(await folders()).toEqual(NAMES);
  expect([noMarker.code, noArchive.code]).toEqual([1, 1]);
  expect(noMarker.stdout + noMarker.stderr).toMatch(/BackupNotFound|there is no backup b/);
  expect(noArchive.stdout + noArchive.stderr).toContain("c.tar.gz");

  // a folder: its record goes
  await remove("d");
  await holdfast.once();
  const left = NAMES.filter((name) => name !== "d");
  expect(await backups()).toEqual(completed(left));

  // everything: more likely the location is wrong than the data gone, so the records stay until a person says so
  await remove(".");
  await holdfast.once();
  expect(await backups()).toEqual(completed(left));
  expect(await saidOfLocation()).toMatch(
    /^DeletionsHeld: the data of 4 backups is gone .* until .*allow-deletions says \S+$/,
  );
});
