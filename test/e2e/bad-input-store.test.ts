import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../support/kube-object.ts";
import { useS3 } from "../support/use-s3.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, locationYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

/**
 * Stores that fail, and backups that are not what they were. Everything is broken at once and met by one run; backups
 * into broken locations live in a namespace of their own, so that restores look only where nothing is wrong.
 */
const cluster = usePrivateCluster();
const s3 = useS3();
const holdfast = useInstallation(cluster, { per: "file" });

const PRICES = ["prices-0", "prices-1", "prices-2"];

let shop = "";
let broken = "";
let s3Bucket = "";
let plans = "";
let prepared: Ended;
let ended: Ended;

function backupYaml(namespace: string, name: string, location = "main"): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: Backup
metadata: {name: ${name}, namespace: ${namespace}}
spec: {storageLocation: ${location}, includedNamespaces: [${shop}]}
`;
}

interface S3Place {
  readonly bucket: string;
  readonly secret?: string;
  readonly endpoint?: string;
}

function s3Yaml(name: string, { bucket, secret = "right", endpoint = s3.connection.endpoint }: S3Place): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupStorageLocation
metadata: {name: ${name}, namespace: ${broken}}
spec:
  provider: s3
  s3:
    bucket: ${bucket}
    region: ${s3.connection.region}
    endpoint: ${endpoint}
    forcePathStyle: true
    credentialsSecretRef: {name: ${secret}}
`;
}

function folderYaml(name: string, path: string): string {
  return locationYaml(broken, path).replace("name: main", `name: ${name}`).replace("default: true", "default: false");
}

/** A location that can't be used, by name; each has a backup of the same name waiting for it. */
const LOCATIONS: readonly (readonly [what: string, name: string, yaml: () => string, reason: string, said: RegExp])[] =
  [
    [
      "a bucket that does not exist",
      "no-bucket",
      () => s3Yaml("no-bucket", { bucket: "no-such-bucket" }),
      "StoreBucketMissing",
      /^s3:\/\/no-such-bucket: there is no such bucket .*: make it, or correct its name$/,
    ],
    [
      "wrong credentials",
      "wrong-key",
      () => s3Yaml("wrong-key", { bucket: s3Bucket, secret: "wrong" }),
      "StoreAuth",
      /access is denied .*: check the location's credentials and their rights on the bucket$/,
    ],
    [
      "a Secret that does not exist",
      "no-secret",
      () => s3Yaml("no-secret", { bucket: s3Bucket, secret: "none" }),
      "StoreAuth",
      /there is no Secret \S+\/none/,
    ],
    [
      "an endpoint where nothing listens",
      "unreachable",
      () => s3Yaml("unreachable", { bucket: s3Bucket, endpoint: "http://127.0.0.1:1" }),
      "StoreUnreachable",
      /no answer .*127\.0\.0\.1:1.*: check the location's endpoint and the network$/,
    ],
    [
      "a folder that does not exist",
      "no-folder",
      () => folderYaml("no-folder", "/dev/null/bucket"),
      "StoreBucketMissing",
      /^file:\/\/\/dev\/null\/bucket is not a folder: make it, or mount it, before it is used$/,
    ],
  ];

/** A restore that can't begin: of which backup, why, and what its condition says. */
const RESTORES: readonly (readonly [what: string, name: string, reason: string, said: RegExp])[] = [
  [
    "a truncated archive",
    "truncated",
    "ArchiveTruncated",
    /^backups\/truncated\/truncated\.tar\.gz is cut short: .*restore from another backup/,
  ],
  [
    "a flipped byte in an archive",
    "flipped",
    "(ArchiveInvalid|DigestMismatch)",
    /^backups\/flipped\/flipped\.tar\.gz is (damaged|not the file).*restore from another backup/,
  ],
  ["a replaced manifest", "replaced", "DigestMismatch", /^backups\/replaced\/holdfast\.json is not the manifest that /],
  ["an unknown backup", "unknown", "BackupNotFound", /^there is no backup unknown \(looked in main\)/],
];

const folderOf = (backup: string): string => join(holdfast.bucket, "backups", backup);
const archiveOf = (backup: string): string => join(folderOf(backup), `${backup}.tar.gz`);

async function flipByte(path: string, fromEnd: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - fromEnd) ^ 1, bytes.length - fromEnd);
  await writeFile(path, bytes);
}

/** Three members, as text that does not compress: what is broken in one leaves the others whole. */
async function createShop(): Promise<void> {
  shop = await cluster.createNamespace();
  for (const name of PRICES) {
    const data = { prices: randomBytes(700_000).toString("base64") };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: shop }, data });
  }
}

async function createSecret(name: string, secretAccessKey: string): Promise<void> {
  const { accessKeyId } = s3.connection;
  const metadata = { name, namespace: broken };
  await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, stringData: { accessKeyId, secretAccessKey } });
}

/** A backup by the name of `taken` in our bucket, made by an installation of another name. */
async function takeNames(): Promise<void> {
  const { namespace, bucket } = holdfast;
  await cluster.applyYaml(locationYaml(namespace, bucket));
  for (const name of ["taken", "taken-and-known"]) await cluster.applyYaml(backupYaml(namespace, name));
  const other = await holdfast.start(["run", "--once", "--cluster", "other"]).ended;
  expect([other.code, other.stderr].join("\n")).toMatch(/^0\n/);
  for (const name of ["taken", "taken-and-known"]) await cluster.delete("Backup", namespace, name);
  await cluster.delete("BackupStorageLocation", namespace, "main");
}

beforeAll(async () => {
  const { namespace, bucket } = holdfast;
  await createShop();
  broken = await cluster.createNamespace();
  s3Bucket = await s3.createBucket();
  plans = await mkdtemp(join(tmpdir(), "holdfast-plans-"));
  await createSecret("right", s3.connection.secretAccessKey);
  await createSecret("wrong", "wrong");
  await takeNames();
  const damaged = ["truncated", "flipped", "replaced", "whole"];
  await holdfast.commit({
    "main.yaml": locationYaml(namespace, bucket),
    "taken.yaml": backupYaml(namespace, "taken"),
    ...Object.fromEntries(damaged.map((name) => [`${name}.yaml`, backupYaml(namespace, name)])),
  });
  prepared = await holdfast.once();

  await truncate(archiveOf("truncated"), (await stat(archiveOf("truncated"))).size - 800_000);
  await flipByte(archiveOf("flipped"), 800_000);
  await flipByte(join(folderOf("replaced"), "holdfast.json"), 2);
  for (const name of PRICES) await cluster.delete("ConfigMap", shop, name);
  const restores = RESTORES.map(([, name]) => [`restore-${name}.yaml`, restoreYaml(namespace, name, name)]);
  const locations = LOCATIONS.map(([, name, yaml]) => [
    `location-${name}.yaml`,
    `${yaml()}---\n${backupYaml(broken, name, name)}`,
  ]);
  const files = Object.fromEntries([...restores, ...locations]) as Record<string, string>;
  for (const [name, text] of Object.entries(files)) await writeFile(join(plans, name), text);
  await holdfast.commit({
    ...files,
    "full.yaml": backupYaml(namespace, "full").replace(`[${shop}]`, `[${await createBigShop()}]`),
    "taken-and-known.yaml": backupYaml(namespace, "taken-and-known"),
  });
  ended = await holdfast.once({ maxFileKiB: 512 });
  return () => rm(plans, { recursive: true });
});

async function createBigShop(): Promise<string> {
  const big = await cluster.createNamespace();
  const data = { prices: randomBytes(700_000).toString("base64") };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "big", namespace: big }, data });
  return big;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface Status {
  readonly phase?: string;
  readonly failureReason?: string;
  readonly conditions?: readonly Condition[];
}

const statusOf = ({ status }: KubeObject): Status => (status ?? {}) as Status;

function condition(object: KubeObject, type: string): string {
  const found = statusOf(object).conditions?.find((each) => each.type === type);
  return `${found?.status} ${found?.reason}`;
}

/** What the end of the run says of an object. */
function leftBehind(object: string): string[] {
  const lines = ended.stderr.split("\n").filter((line) => line.includes(`"object":"${object}","reason"`));
  return lines.map((line) => {
    const { msg, message, problem } = JSON.parse(line) as { msg: string; message?: string; problem?: string };
    return problem ?? message ?? msg;
  });
}

it("makes the backups while all is well, and nothing else fails", async () => {
  expect(await cluster.get("Backup", holdfast.namespace, "whole").then(statusOf)).toMatchObject({ phase: "Completed" });
  expect(prepared.code).toBe(3); // for the taken name
});

describe("a location that can't be used", () => {
  it.each(LOCATIONS)("%s: is said by the location, and its backup waits", async (_what, name, _yaml, reason, said) => {
    const location = await cluster.get("BackupStorageLocation", broken, name);
    const waiting = await cluster.get("Backup", broken, name);

    expect(statusOf(location)).toMatchObject({ phase: "Unavailable", message: expect.stringMatching(said) });
    expect(condition(location, "Ready")).toBe(`False ${reason}`);
    expect(statusOf(waiting)).toMatchObject({ phase: "New" });
    expect(condition(waiting, "Reconciling")).toBe("True AwaitingLocation");
    expect(leftBehind(`BackupStorageLocation ${broken}/${name}`)).toEqual([expect.stringMatching(said)]);
    expect(leftBehind(`Backup ${broken}/${name}`)).toEqual([
      expect.stringContaining(`location ${name} is not available`),
    ]);
  });

  it("gets nothing written into it", async () => {
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: s3Bucket }));

    expect(Contents).toEqual([]);
    expect(ended.code).toBe(3);
  });

  it.each(["no-bucket", "wrong-key", "unreachable"])("%s: is one line on the command line", async (name) => {
    const { code, stdout, stderr } = await holdfast.start(["backup", "get", "-n", broken, "--location", name]).ended;

    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^holdfast: s3:\/\/.* \[Store(BucketMissing|Auth|Unreachable)\]\n$/);
  });
});

describe("a backup that can't be made", () => {
  it("on a full disk fails with the disk's reason, and leaves no folder behind", async () => {
    const full = await cluster.get("Backup", holdfast.namespace, "full");

    expect(statusOf(full)).toMatchObject({
      phase: "Failed",
      failureReason: expect.stringMatching(/backups\/full\/full\.tar\.gz: the disk is full or the quota used up/),
    });
    expect(condition(full, "Succeeded")).toBe("False Failed");
    expect(leftBehind(`Backup ${holdfast.namespace}/full`)).toEqual([expect.stringMatching(/the disk is full/)]);
    expect(existsSync(folderOf("full"))).toBe(false);
  });

  it("under a name that another cluster took fails and names the owner, whose backup stays", async () => {
    const taken = await cluster.get("Backup", holdfast.namespace, "taken");

    expect(statusOf(taken)).toMatchObject({
      phase: "Failed",
      failureReason: expect.stringMatching(/the backup name taken is taken by Backup \S+\/taken of cluster other/),
    });
    expect(prepared.stderr).toMatch(/the backup name taken is taken by .* of cluster other/);
    const marker = JSON.parse(await readFile(join(folderOf("taken"), "velero-backup.json"), "utf8")) as KubeObject;
    expect(JSON.stringify(marker.metadata)).toContain('"holdfast.dev/cluster":"other"');
  });

  it("under a name that sync has brought from another cluster is no backup of ours either", async () => {
    const known = await cluster.get("Backup", holdfast.namespace, "taken-and-known");

    expect((known.status as { cluster?: string }).cluster).toBe("other");
    expect(ended.stderr).toMatch(
      /taken-and-known\.yaml:1: Backup \S+\/taken-and-known is a backup of cluster other already: choose another name/,
    );
  });
});

describe("a restore that can't be believed in", () => {
  it.each(RESTORES)("%s: stalls, and nothing is restored", async (_what, name, reason, said) => {
    const restore = await cluster.get("RestorePlan", holdfast.namespace, name);

    expect(condition(restore, "Ready")).toMatch(new RegExp(`^False ${reason}$`));
    expect(condition(restore, "Stalled")).toMatch(new RegExp(`^True ${reason}$`));
    expect(leftBehind(`RestorePlan ${holdfast.namespace}/${name}`)).toEqual([expect.stringMatching(said)]);
    const names = (await cluster.list("ConfigMap", shop)).map(({ metadata }) => metadata.name);
    expect(names).toEqual(["kube-root-ca.crt"]);
  });

  it.each(RESTORES)("%s: is refused by plan, too", async (_what, name, reason) => {
    const { code, stderr } = await holdfast.start(["plan", join(plans, `restore-${name}.yaml`)]).ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^holdfast: .* \\[${reason}\\]\n(  restore from another backup.*\n)?$`));
  });

  it("gives back by name what is whole", async () => {
    const { namespace } = holdfast;
    const only = "  includedNamespaces: [SHOP]\n  includedNames: [prices-0]\n".replace("SHOP", shop);
    await cluster.applyYaml(restoreYaml(namespace, "rescue", "truncated", only));

    await holdfast.once();

    expect(statusOf(await cluster.get("RestorePlan", namespace, "rescue"))).toMatchObject({ phase: "Completed" });
    const names = (await cluster.list("ConfigMap", shop)).map(({ metadata }) => metadata.name);
    expect(names).toEqual(["kube-root-ca.crt", "prices-0"]);
  });

  it("is told at once to who waits for it", async () => {
    const running = holdfast.start(["run", "--repo", holdfast.repository.path]);
    const args = ["restore", "create", "mistyped", "--from-backup", "no-such-backup", "--wait"];

    const { code, stdout, stderr } = await holdfast.start(args).ended;

    running.process.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^mistyped: nothing was restored: there is no backup no-such-backup .* \[BackupNotFound\]\n$/,
    );
    expect(stderr).not.toMatch(/\[Internal\]/);
  });
});
