/** The commands that look into backups, on backups of a real cluster in a real folder. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backupCommand } from "../../src/cli/backup.ts";
import { readConfig } from "../../src/cli/config.ts";
import { historyCommand } from "../../src/cli/history.ts";
import { createCliIo } from "../../src/cli/io.ts";
import { createProgram, runCli } from "../../src/cli/root.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup } from "./backup-requests.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
let kube: KubeClient;
let namespace: string;

/** Runs one command line in this process; `--dir` names the folder of the backups. */
async function holdfast(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
  const output = { out: "", err: "" };
  const io = createCliIo({
    stdout: { write: (text) => (output.out += text), isTTY: false },
    stderr: { write: (text) => (output.err += text), isTTY: false },
    width: 80,
    config: readConfig({}),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
    buildDeps: () => ({
      kube: async () => kube,
      location: async () => ({ namespace: "holdfast", name: "default", readOnly: false, store: new FsStore(folder) }),
      close: async () => {},
    }),
  });
  await runCli(io, createProgram(io, "0.0.0", [backupCommand(io), historyCommand(io)]), argv);
  return { ...output, code: io.exitCode };
}

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
  await cluster.create(configMap("staying", { needle: "in the haystack" }));
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

    expect(code).toBe(0);
    expect(out.split("\n")[0]).toMatch(/^NAME +STATUS +ERRORS/);
    expect(out).toMatch(/^first +Completed +0 +0 +7 +20/m);
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
    expect(err).toBe("holdfast: this is printed as text, json, yaml, not as markdown [Usage]\n");
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
    const logs = await holdfast("backup", "logs", "first", "--dir", folder);

    expect(readFileSync(target)).toEqual(readFileSync(join(folder, "backups/first/first.tar.gz")));
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("--force")]);
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
