/** Retention by the running daemon, in two S3 locations: what has expired goes whole, and nothing else is touched. */
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { useS3 } from "../support/use-s3.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { restoreYaml, useInstallation } from "./run-fixture.ts";
import { letExpire, phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const s3 = useS3();

const TIMEOUT_MS = 400_000;
let bucket = "";

function locationYaml(name: string, prefix: string): string {
  const { endpoint, region } = s3.connection;
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupStorageLocation
metadata:
  name: ${name}
  namespace: ${holdfast.namespace}
spec:
  provider: s3
  syncPeriod: 1s
  s3: { bucket: ${bucket}, prefix: ${prefix}, region: ${region}, endpoint: "${endpoint}" }
`;
}

async function createBackup(name: string, storageLocation: string, shop: string): Promise<void> {
  const metadata = { name, namespace: holdfast.namespace };
  const spec = { includedNamespaces: [shop], storageLocation };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
}

async function untilCompleted(kind: string, name: string): Promise<void> {
  await cluster.waitFor(kind, holdfast.namespace, name, (object) => phaseOf(object) === "Completed");
}

/** Objects below a prefix, each with what tells it from a new one at the same key. */
async function objects(prefix: string): Promise<string[]> {
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key, ETag, LastModified }) => `${Key} ${ETag} ${LastModified?.toISOString()}`);
}

/** Names of the folders right below a prefix. */
async function folders(prefix: string): Promise<string[]> {
  const names = (await objects(prefix)).map((line) => line.slice(prefix.length).split("/")[0] ?? "");
  return [...new Set(names)].map((name) => name.replace(/holdfast-[0-9a-f]{32}/, "claim"));
}

function saidOf(location: KubeObject): string {
  const { conditions } = (location.status ?? {}) as { conditions?: { type: string; reason: string }[] };
  return conditions?.find(({ type }) => type === "Ready")?.reason ?? "";
}

it("deletes what has expired whole, and nothing where a location is re-pointed", { timeout: TIMEOUT_MS }, async () => {
  const { namespace } = holdfast;
  const shop = await cluster.createNamespace();
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  bucket = await s3.createBucket();
  await holdfast.commit({ "east.yaml": locationYaml("east", "e"), "west.yaml": locationYaml("west", "w") });
  for (const [name, location] of [
    ["old-east", "east"],
    ["young-east", "east"],
    ["old-west", "west"],
    ["young-west", "west"],
  ] as const)
    await createBackup(name, location, shop);
  const { accessKeyId, secretAccessKey } = s3.connection;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const often = ["--interval", "1s", "--garbage-collection-frequency", "2s"];
  const daemon = holdfast.start(["run", "--repo", holdfast.repository.path, ...often], { env });
  for (const name of ["old-east", "young-east", "old-west", "young-west"]) await untilCompleted("Backup", name);
  await cluster.applyYaml(restoreYaml(namespace, "by-hand", "old-west", '  safetyBackup:\n    mode: "Off"\n'));
  await untilCompleted("RestorePlan", "by-hand");
  await waitUntil(async () => (await folders("w/restores/")).length === 2, { what: "the restore left its records" });
  const young = [...(await objects("e/backups/young-east/")), ...(await objects("w/backups/young-west/"))];

  for (const name of ["old-east", "old-west"]) await letExpire(cluster, holdfast, name);
  for (const name of ["old-east", "old-west"]) await cluster.waitUntilGone("Backup", namespace, name);
  await cluster.waitUntilGone("RestorePlan", namespace, "by-hand");

  const recordOf = async (name: string): Promise<string> =>
    Object.entries(await holdfast.record()).find(([path]) => path.endsWith(`/${name}.yaml`))?.[1] ?? "";
  for (const name of ["old-east", "old-west"]) {
    await waitUntil(async () => (await recordOf(name)).includes("gone: true"), {
      what: `the record of ${name} says so`,
    });
  }
  expect(await folders("e/backups/")).toEqual(["young-east"]);
  expect(await folders("w/backups/")).toEqual(["young-west"]);
  expect(await folders("w/restores/")).toEqual(["claim"]);
  expect([...(await objects("e/backups/")), ...(await objects("w/backups/"))]).toEqual(young);

  // another prefix, with nothing in it: more likely a mistake than the end of all backups
  await holdfast.commit({ "west.yaml": locationYaml("west", "elsewhere") });
  await cluster.waitFor("BackupStorageLocation", namespace, "west", (west) => saidOf(west) === "DeletionsHeld");
  const kept = await objects("w/");
  const listed = await cluster.find("Backup", namespace, "young-west");
  await holdfast.commit({ "west.yaml": locationYaml("west", "w") });
  await cluster.waitFor("BackupStorageLocation", namespace, "west", (west) => saidOf(west) === "Available");
  const verified = await holdfast.start(["backup", "verify", "young-west", "--read-data"], { env }).ended;
  daemon.process.kill("SIGTERM");
  await daemon.ended;

  expect(kept.filter((line) => line.startsWith("w/backups/"))).toEqual(young.filter((line) => line.startsWith("w/")));
  expect(phaseOf(listed)).toBe("Completed");
  expect([verified.code, verified.stderr].join("\n")).toMatch(/^0\n/);
});
