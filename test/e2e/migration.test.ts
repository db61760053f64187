/** What docs/migration.md says, done on two control planes and one S3 bucket with the files and commands of the page. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { useS3 } from "../support/use-s3.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { useInstallation } from "./run-fixture.ts";
import { phaseOf } from "./run-killed-fixture.ts";

const ROOT = new URL("../../", import.meta.url);
const NAMESPACE = "holdfast";
const TIMEOUT_MS = 600_000;
const execute = promisify(execFile);

const clusters: Readonly<Record<string, TestCluster>> = { old: usePrivateCluster(), new: usePrivateCluster() };
const [oldCluster, newCluster] = [clusters.old, clusters.new] as [TestCluster, TestCluster];
const running = { old: useInstallation(oldCluster), new: useInstallation(newCluster) };
const git = useGitServer();
const s3 = useS3();

let scratch = "";
let bucket = "";
let hosted: HostedRepository;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-migration-"));
  bucket = await s3.createBucket();
  hosted = await git.createRepository();
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** One thing that a reader of the page does. */
type Step = { readonly file: string; readonly text: string } | { readonly command: string };

async function readPage(): Promise<Step[]> {
  const page = await readFile(new URL("docs/migration.md", ROOT), "utf8");
  return [...page.matchAll(/^```(yaml|sh)\n([\s\S]*?)^```$/gm)].flatMap(([, language, text = ""]): Step[] => {
    if (language === "sh")
      return text
        .trim()
        .split("\n")
        .map((command) => ({ command }));
    const [, file = ""] = /^# (\S+)$/m.exec(text) ?? [];
    const { endpoint, region } = s3.connection;
    const here = text
      .replaceAll("bucket: my-backups", `bucket: ${bucket}\n    endpoint: ${endpoint}`)
      .replaceAll("region: eu-central-1", `region: ${region}`);
    return [{ file, text: here }];
  });
}

/** Both clusters under the names that the page gives them. */
async function writeKubeconfig(): Promise<string> {
  const merged: Record<string, unknown[]> = { clusters: [], users: [], contexts: [] };
  for (const [name, { kubeconfigPath }] of Object.entries(clusters)) {
    const {
      clusters: [at],
      users: [who],
    } = parse(await readFile(kubeconfigPath, "utf8"));
    merged.clusters?.push({ ...at, name });
    merged.users?.push({ ...who, name });
    merged.contexts?.push({ name, context: { cluster: name, user: name } });
  }
  const path = join(scratch, "kubeconfig");
  await writeFile(path, stringify({ apiVersion: "v1", kind: "Config", ...merged }), { mode: 0o600 });
  return path;
}

function credentials(): Record<string, string> {
  const { accessKeyId, secretAccessKey } = s3.connection;
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** What stands under a prefix of the bucket, with what tells a new object from the one that was there. */
async function objectsUnder(prefix: string): Promise<string[]> {
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key, ETag, LastModified }) => `${Key} ${ETag} ${LastModified?.toISOString()}`);
}

function hasPhase(...phases: readonly string[]): (object: KubeObject) => boolean {
  return (object) => phases.includes(phaseOf(object) ?? "");
}

/** Puts a file on the branch, and waits until the controller of its cluster has done what it says. */
async function merge(file: string): Promise<void> {
  const text = await readFile(join(scratch, file), "utf8");
  await hosted.repository.commit({ files: { [file]: text } });
  const cluster = file.startsWith("clusters/old/") ? oldCluster : newCluster;
  const isDone = hasPhase("Available", "Completed", "PartiallyFailed", "Failed");
  for (const document of parseAllDocuments(text)) {
    const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string } };
    await cluster.waitFor(kind, NAMESPACE, metadata.name, isDone, 120_000);
  }
}

/** Leaves the first document of a file, and waits until the new cluster's controller has read that. */
async function takeOut(file: string): Promise<void> {
  const [first = ""] = (await readFile(join(scratch, file), "utf8")).split("---\n");
  const revision = await hosted.repository.commit({ files: { [file]: first } });
  const isRead = async (): Promise<boolean> => {
    const index = await hosted.repository.readFile("holdfast/new", "index.json");
    return index.includes(revision);
  };
  await waitUntil(isRead, { what: "the new cluster has read it", timeoutMs: 60_000 });
}

/** The shop as it stands before the move, and the storage class of each cluster. */
async function openShop(): Promise<void> {
  const at = (name: string) => ({ metadata: { name, namespace: "shop" } });
  const resources = { requests: { storage: "1Gi" } };
  await oldCluster.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { team: "sales" } } },
    { apiVersion: "v1", kind: "ConfigMap", ...at("prices"), data: { apple: "1" } },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      ...at("orders"),
      spec: { accessModes: ["ReadWriteOnce"], storageClassName: "gp2", resources },
    },
  );
  const storageClass = (name: string) => ({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name },
    provisioner: "example.com/none",
  });
  await oldCluster.apply(storageClass("gp2"));
  await newCluster.apply(storageClass("premium"));
}

/** What the world does before a command of the page makes sense, by the command's first words. */
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  "backup get shop-move": () => newCluster.waitFor("Backup", NAMESPACE, "shop-move", hasPhase("Completed"), 90_000),
  "restore describe shop-move": () => merge("clusters/new/shop-move.yaml"),
  "backup create shop-last": () => oldCluster.patch("ConfigMap", "shop", "prices", { data: { apple: "2" } }),
  "restore describe shop-last": async () => {
    await newCluster.waitFor("Backup", NAMESPACE, "shop-last", hasPhase("Completed"), 90_000);
    await merge("clusters/new/shop-last.yaml");
  },
};

/** Does what the page says, and resolves to what each command printed. */
async function follow(
  steps: readonly Step[],
  afterEach: (step: Step) => Promise<void>,
): Promise<Record<string, string>> {
  const env = { PATH: process.env.PATH, HOME: scratch, KUBECONFIG: await writeKubeconfig(), ...credentials() };
  const said: Record<string, string> = {};
  for (const step of steps) {
    if ("file" in step) {
      await mkdir(join(scratch, dirname(step.file)), { recursive: true });
      await writeFile(join(scratch, step.file), step.text);
      if (!step.text.includes("kind: RestorePlan")) await merge(step.file);
    } else if (step.command.startsWith("kubectl ")) {
      expect(step.command).toContain("delete backupstoragelocation old-cluster");
      await takeOut("clusters/new/locations.yaml");
      await newCluster.delete("BackupStorageLocation", NAMESPACE, "old-cluster");
    } else {
      const words = step.command.split(" ").slice(1);
      const what = words.slice(0, 3).join(" ");
      await BEFORE[what]?.();
      const args = [new URL("src/main.ts", ROOT).pathname, ...words];
      said[what] = (await execute(process.execPath, args, { env, cwd: scratch })).stdout;
    }
    await afterEach(step);
  }
  return said;
}

it("moves a namespace, and changes no backup of the old cluster", { timeout: TIMEOUT_MS }, async () => {
  for (const cluster of Object.values(clusters)) {
    await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  }
  await openShop();
  await hosted.repository.commit({ files: { "clusters/README.md": "two clusters\n" } });
  for (const name of ["old", "new"] as const) {
    const env = { HOLDFAST_CLUSTER: name, HOLDFAST_NAMESPACE: NAMESPACE, ...credentials() };
    running[name].start(["run", "--repo", hosted.url, "--path", `clusters/${name}`, "--interval", "2s"], { env });
  }
  let ofOld: string[] = [];

  const said = await follow(await readPage(), async (step) => {
    if ("command" in step && step.command.endsWith("--cluster old")) ofOld = await objectsUnder("old/backups/");
  });

  // what the reader sees
  const printed = (words: string): string => Object.entries(said).find(([what]) => what.startsWith(words))?.[1] ?? "";
  expect(printed("backup get")).toMatch(/shop-move +.*Completed/);
  expect(printed("backup verify")).toMatch(/shop-move/);
  expect(printed("plan")).toMatch(/\+ .*shop-eu\/orders/);
  expect(printed("plan")).toMatch(/^note: 1 claim would be made anew without data/m);
  expect(printed("restore describe shop-move")).toContain("Completed");
  expect(printed("restore describe shop-last")).toContain("Completed");

  // the new cluster
  for (const name of ["shop-move", "shop-last"]) await newCluster.waitUntilGone("Backup", NAMESPACE, name);
  const claim = await newCluster.get("PersistentVolumeClaim", "shop-eu", "orders");
  expect(claim.spec).toMatchObject({ storageClassName: "premium" });
  expect((await newCluster.get("ConfigMap", "shop-eu", "prices")).data).toEqual({ apple: "2" });
  expect((await newCluster.get("Namespace", undefined, "shop-eu")).metadata.labels).toMatchObject({ team: "sales" });
  expect(await newCluster.find("Namespace", undefined, "shop")).toBeUndefined();
  expect((await newCluster.list("Backup", NAMESPACE)).map(({ metadata }) => metadata.name)).toEqual([
    expect.stringMatching(/^shop-last-\d+-safety$/),
  ]);

  // the old one, and its part of the bucket
  expect((await oldCluster.get("PersistentVolumeClaim", "shop", "orders")).spec).toMatchObject({
    storageClassName: "gp2",
  });
  const kept = (await oldCluster.list("Backup", NAMESPACE)).map(({ metadata }) => metadata.name).sort();
  expect(kept).toEqual(["shop-last", "shop-move"]);
  expect(ofOld.length).toBeGreaterThan(10);
  expect(await objectsUnder("old/backups/")).toEqual(ofOld);
  const records = (await objectsUnder("old/restores/")).map((line) =>
    line.split(" ")[0]?.replaceAll(/[0-9a-f]{14,}/g, "N"),
  );
  expect(records).toEqual(expect.arrayContaining(["old/restores/holdfast-N/done.json"]));
  expect(records.filter((key) => key?.endsWith("-logs.gz"))).toHaveLength(2);
  expect((await objectsUnder("new/backups/")).every((line) => /^new\/backups\/shop-last-\d+-safety\//.test(line))).toBe(
    true,
  );
});
