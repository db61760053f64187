/** The commands that look into backups, on backups of a real cluster in a real folder. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { copyFile, mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup } from "./backup-requests.ts";
import { type Ran, runBackupCli } from "./run-cli.ts";

// Its own: kinds that other files make and remove would be warnings of these backups.
const cluster = usePrivateCluster();
const client = useKubeClients();
const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
let kube: KubeClient;
let namespace: string;

const holdfast = async (...argv: string[]): Promise<Ran> =>
  await runBackupCli({ kube, store: new FsStore(folder) }, argv);

const configMap = (name: string, data: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
  namespace = await cluster.createNamespace();
  const servers = { kube, store: new FsStore(folder) };
  const spec = { includedNamespaces: [namespace], excludedResources: ["events", "sa"] };
  await cluster.create(configMap("changing", { colour: "red", size: "1" }));
  await cluster.create(configMap("going", { a: "b" }));
  await cluster.create(configMap("switches", { checkout: "on", mode: "0644" }));
  await cluster.create(
    configMap("staying", {
      needle: "in the haystack",
      long: `${"straw ".repeat(50)}far off and what follows it ${"straw ".repeat(50)}`,
    }),
  );
  await cluster.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "login", namespace },
    stringData: { password: "hunter2" },
  });
  await makeBackup(servers, backupRequest(spec, { name: "first" }));
  await cluster.patch("ConfigMap", namespace, "changing", { data: { colour: "blue" } });
  await cluster.patch("Secret", namespace, "login", { stringData: { password: "correct horse" } });
  await cluster.delete("ConfigMap", namespace, "going");
  await cluster.create(configMap("coming", { a: "b" }));
  await makeBackup(servers, backupRequest(spec, { name: "second" }));
  await cluster.patch("ConfigMap", namespace, "changing", { data: { size: "2" } });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("backup get and describe", () => {
  it("list what is in the folder", async () => {
    const { out, code } = await holdfast("backup", "get", "--dir", folder);
    const wide = await holdfast("backup", "get", "--dir", folder, "-o", "wide");

    expect(code).toBe(0);
    expect(out.split("\n")[0]).toMatch(/^NAME +STATUS +ERR +WARN +ITEMS +AGE +EXPIRES$/);
    expect(out).toMatch(/^first +Completed +0 +0 +7 +\d+\w +29d$/m);
    expect(wide.out).toMatch(/^first +Completed +0 +0 +7 +20\S+ +20\S+ +Holdfast$/m);
  });

  it("fail for a name that is not there, as kubectl does", async () => {
    const { out, err, code } = await holdfast("backup", "get", "first", "frist", "--dir", folder);

    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(err).toBe(
      `holdfast: there is no backup "frist" in ${folder}: list those there are with \`holdfast backup get\` [BackupNotFound]\n`,
    );
  });

  it("refuse a format that they don't print, and give none in its place", async () => {
    const { out, err, code } = await holdfast("backup", "get", "--dir", folder, "-o", "markdown");

    expect({ out, code }).toEqual({ out: "", code: 2 });
    expect(err).toBe("holdfast: this is printed as text, wide, json, yaml, not as markdown [Usage]\n");
  });

  it("say what the backup holds, within 80 columns", async () => {
    const { out } = await holdfast("backup", "describe", "first", "--details", "--dir", folder);

    expect(out).toMatch(/^Name: +first$/m);
    expect(out).toMatch(/^Phase: +Completed$/m);
    expect(out).toMatch(new RegExp(`^Namespaces: +included ${namespace}$`, "m"));
    expect(out).toContain(`- ${namespace}/staying`);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("backup cat", () => {
  it("prints one object, and no value of a Secret unless asked", async () => {
    const shown = await holdfast("backup", "cat", "first", "secret", "login", "-n", namespace, "--dir", folder);
    const open = await holdfast(
      "backup",
      "cat",
      "first",
      "secrets",
      "login",
      "-n",
      namespace,
      "--dir",
      folder,
      "--show-secrets",
      "-o",
      "json",
    );

    expect(shown.out).toContain("password: <redacted, 7 bytes>");
    expect(JSON.parse(open.out).data.password).toBe(Buffer.from("hunter2").toString("base64"));
  });

  it("says what is there when the object is not", async () => {
    const { code, err } = await holdfast("backup", "cat", "first", "widgets", "x", "--dir", folder);

    expect(code).toBe(1);
    expect(err).toContain("configmaps");
  });

  it("prints YAML that kubectl reads as it was: a bare on is no text there", async () => {
    const { out } = await holdfast("backup", "cat", "first", "cm", "switches", "-n", namespace, "--dir", folder);

    expect(out).toMatch(/^ {2}checkout: "on"$/m);
    expect(out).toMatch(/^ {2}mode: "0644"$/m);
  });
});

describe("backup diff", () => {
  it("with live and a namespace tells of nothing outside it", async () => {
    const wide = { includedResources: ["configmaps", "clusterroles"], includeClusterResources: true };
    await makeBackup({ kube, store: new FsStore(folder) }, backupRequest(wide, { name: "wide" }));
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: `new-${namespace}` },
    };
    await cluster.create(role);
    await cluster.create(configMap("new", { a: "b" }));

    const all = await holdfast("backup", "diff", "wide", "live", "--dir", folder);
    const one = await holdfast("backup", "diff", "wide", "live", "-n", namespace, "--dir", folder);
    await cluster.delete("ConfigMap", namespace, "new");
    await cluster.delete("ClusterRole", undefined, role.metadata.name);
    rmSync(join(folder, "backups", "wide"), { recursive: true });

    expect(all.out).toContain(`+ ClusterRole new-${namespace}`);
    expect(one.out).toBe(`  + ConfigMap ${namespace}/new\n1 added.\n`);
  });

  it("tells added, removed and changed objects, with fields, Secrets redacted", async () => {
    const { out, code } = await holdfast("backup", "diff", "first", "second", "--dir", folder);

    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^ {2}\\+ ConfigMap ${namespace}/coming$`, "m"));
    expect(out).toMatch(new RegExp(`^ {2}- ConfigMap ${namespace}/going$`, "m"));
    expect(out).toMatch(/~ \/data\/colour: "red" → "blue"/);
    expect(out).toMatch(/~ \/data\/password: "<redacted, 7 bytes>" → "<redacted, 13 bytes>"/);
    expect(out).not.toContain(Buffer.from("hunter2").toString("base64"));
    expect(out).toMatch(/^1 added, 1 removed, 2 changed\.$/m);
  });

  it("compares with the live cluster", async () => {
    const { out } = await holdfast("backup", "diff", "second", "live", "--dir", folder);

    expect(out).toMatch(/~ \/data\/size: "1" → "2"/);
    expect(out).toMatch(/^1 changed\.$/m);
  });

  it("tells of a live object whose kind the backup looked for and found none of", async () => {
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "late", namespace } };
    await cluster.create(role);
    await cluster.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "left-out", namespace } });

    const { out } = await holdfast("backup", "diff", "second", "live", "--dir", folder);
    await cluster.delete("Role", namespace, "late");
    await cluster.delete("ServiceAccount", namespace, "left-out");

    expect(out).toContain(`  + Role ${namespace}/late\n`);
    expect(out).toMatch(/^1 added, 1 changed\.$/m);
  });

  it("finds nothing between a backup and itself", async () => {
    expect((await holdfast("backup", "diff", "first", "first", "--dir", folder)).out).toBe("No differences.\n");
  });
});

describe("backup grep and history", () => {
  it("find text by value and key", async () => {
    const found = await holdfast("backup", "grep", "haystack", "first", "--dir", folder);
    const nothing = await holdfast("backup", "grep", "hunter2", "first", "--dir", folder);
    const secret = await holdfast(
      "backup",
      "grep",
      "--regexp",
      "hunter\\d",
      "first",
      "--dir",
      folder,
      "--show-secrets",
    );

    expect(found.out).toContain("/staying /data/needle: in the haystack");
    const far = await holdfast("backup", "grep", "--regexp", "far [o]ff", "first", "--dir", folder);
    expect(far.out).toMatch(/\/staying \/data\/long: ….{16}far off and what/);
    expect([nothing.out, nothing.code]).toEqual(["", 1]);
    expect(secret.out).toContain("/login /data/password: hunter2");
  });

  it("follow an object through all backups", async () => {
    const { out } = await holdfast("history", "configmaps", "changing", "-n", namespace, "--dir", folder);

    expect(out).toMatch(/first {2}first seen/);
    expect(out).toMatch(/second {2}changed/);
    expect(out).toMatch(/~ \/data\/colour: "red" → "blue"/);
  });
});

describe("what is shown of a Secret", () => {
  it("holds no digest of it, which passwords could be tried against", async () => {
    const { data } = await cluster.get("Secret", namespace, "login");
    const { password = "" } = data as { password?: string };
    const history = ["history", "secrets", "login", "-n", namespace, "--dir", folder];

    const told = [
      await holdfast("backup", "diff", "first", "second", "--dir", folder),
      await holdfast("backup", "diff", "first", "second", "--dir", folder, "--output", "json"),
      await holdfast(...history),
      await holdfast(...history, "--output", "json"),
    ].map(({ out }) => out.replaceAll(namespace, ""));

    expect(told.map((out) => out.includes("login") || out.includes("password"))).toEqual([true, true, true, true]);
    expect(told.join("\n")).not.toMatch(/[0-9a-f]{8,}/);
    expect(told.join("\n")).not.toContain(password);
  });
});

describe("backup download and logs", () => {
  it("give what is in the bucket", async () => {
    const target = join(folder, "copy.tar.gz");

    await holdfast("backup", "download", "first", "--dir", folder, "--to", target);
    const again = await holdfast("backup", "download", "first", "--dir", folder, "--to", target);
    const nowhere = await holdfast("backup", "download", "first", "--dir", folder, "--to", join(folder, "no/copy"));
    const logs = await holdfast("backup", "logs", "first", "--dir", folder);

    expect(readFileSync(target)).toEqual(readFileSync(join(folder, "backups/first/first.tar.gz")));
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("--force")]);
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringMatching(/cannot write \S+\/no\/copy: ENOENT/)]);
    expect(nowhere.err).not.toContain("--force");
    expect(logs.out).toMatch(/level=info msg="backup Completed: 7 items/);
  });
});

describe("backup verify", () => {
  it("is content with whole backups, and names damage and a record that disagrees", async () => {
    const fine = await holdfast("backup", "verify", "--all", "--read-data", "--dir", folder);
    const records = join(folder, "status");
    await mkdir(join(records, "backups/holdfast/default/2026/11"), { recursive: true });
    await writeFile(
      join(records, "backups/holdfast/default/2026/11/index.json"),
      JSON.stringify({ backups: { second: { phase: "Completed", manifestSha256: "0".repeat(64) } } }),
    );
    const replaced = await holdfast("backup", "verify", "second", "--dir", folder, "--records", records);
    await truncate(join(folder, "backups/first/first-results.gz"), 5);
    const damaged = await holdfast("backup", "verify", "--all", "--dir", folder);

    expect([fine.code, fine.out.match(/: ok/g)?.length]).toEqual([0, 2]);
    expect([replaced.code, replaced.out]).toEqual([1, expect.stringContaining("the whole backup was replaced")]);
    expect([damaged.code, damaged.out]).toEqual([3, expect.stringMatching(/truncated +first-results.gz/)]);
  });
});

describe("damage", () => {
  const BACKUPS = ["whole", "flipped", "truncated", "replaced", "swapped", "missing", "extra"];
  const bucket = mkdtempSync(join(tmpdir(), "holdfast-damage-"));
  const at = (name: string, file: string): string => join(bucket, "backups", name, file);
  afterAll(() => rmSync(bucket, { recursive: true }));

  /** Puts another value of the same length into one object, in a member that is whole. */
  async function replaceObject(name: string): Promise<void> {
    const reader = await openBackup(new FsStore(bucket), name);
    const row = await reader.row("configmaps", { namespace, name: "staying" });
    await reader.close();
    const { member = 0, memberLength = 0 } = row ?? {};
    const archive = readFileSync(at(name, `${name}.tar.gz`));
    const tar = gunzipSync(archive.subarray(member, member + memberLength));
    tar.write("in the maystack", tar.indexOf("in the haystack"));
    const parts = [archive.subarray(0, member), gzipSync(tar), archive.subarray(member + memberLength)];
    await writeFile(at(name, `${name}.tar.gz`), Buffer.concat(parts));
  }

  async function flipBit(name: string): Promise<void> {
    const archive = readFileSync(at(name, `${name}.tar.gz`));
    archive[archive.length >> 1] = (archive[archive.length >> 1] ?? 0) ^ 1;
    await writeFile(at(name, `${name}.tar.gz`), archive);
  }

  it("of each kind is told apart from the others, by every byte, in all backups at once", async () => {
    const servers = { kube, store: new FsStore(bucket) };
    for (const name of BACKUPS) await makeBackup(servers, backupRequest({ includedNamespaces: [namespace] }, { name }));
    await flipBit("flipped");
    await truncate(at("truncated", "truncated.tar.gz"), 700);
    await replaceObject("replaced");
    await copyFile(at("whole", "whole-results.gz"), at("swapped", "swapped-volumeinfo.json.gz"));
    await rm(at("missing", "missing-logs.gz"));
    await writeFile(at("extra", "odd"), "x");

    const { out, code } = await runBackupCli(servers, ["backup", "verify", "--all", "--read-data", "--dir", bucket]);

    const problems = (name: string): string =>
      out.match(new RegExp(`^${name}: .*\\n((?: {2}.*\\n)*)`, "m"))?.[1]?.replaceAll(namespace, "ns") ?? "";
    expect(code).toBe(3);
    expect(out).toMatch(/^whole: ok/m);
    expect(problems("flipped")).toMatch(/^ {2}flipped {2}flipped\.tar\.gz: .*\n {2}flipped {2}flipped\.tar\.gz: \w+/);
    expect(problems("truncated")).toMatch(/^ {2}truncated {2}truncated\.tar\.gz: /);
    expect(problems("replaced")).toMatch(/^ {2}replaced {2}replaced\.tar\.gz: .*\n/);
    expect(problems("replaced")).toContain("replaced  replaced.tar.gz: configmaps/ns/staying: ");
    expect(problems("swapped")).toMatch(/^ {2}replaced {2}swapped-volumeinfo\.json\.gz: .*\n$/);
    expect(problems("missing")).toMatch(/^ {2}missing {2}missing-logs\.gz: .*\n$/);
    expect(problems("extra")).toMatch(/^ {2}extra {2}odd: .*\n$/);
  });
});

describe("backup create", () => {
  it("prints the YAML of a dry run, and refuses what the engine would refuse", async () => {
    const dry = await holdfast(
      "backup",
      "create",
      "now",
      "--include-namespaces",
      "a,b",
      "--selector",
      "app=web",
      "--ttl",
      "24h",
      "--dry-run",
    );
    const wrong = await holdfast(
      "backup",
      "create",
      "now",
      "--include-namespaces",
      "a",
      "--exclude-namespaces",
      "a",
      "--dry-run",
    );

    expect(dry.out).toContain("kind: Backup\n");
    expect(dry.out).toContain("includedNamespaces:\n    - a\n    - b\n");
    expect([wrong.code, wrong.err]).toEqual([
      2,
      expect.stringContaining("excludes list cannot contain an item in the includes list: a"),
    ]);
  });
});
