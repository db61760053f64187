/** The commands that look into backups, on what the real Velero wrote. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup } from "./backup-requests.ts";
import { type Ran, runBackupCli } from "./run-cli.ts";

const RECORDED = join(import.meta.dirname, "../testdata/velero");

const cluster = useTestCluster();
const client = useKubeClients();
const bucket = mkdtempSync(join(tmpdir(), "holdfast-velero-"));
let kube: KubeClient;

const holdfast = async (...argv: string[]): Promise<Ran> =>
  await runBackupCli({ kube, store: new FsStore(bucket) }, argv);

/** A namespace whose objects s01-backup holds too. */
const SHOP = "s01-shop";

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
  for (const scenario of ["01-plain", "02-existing-none"]) {
    const recorded = join(RECORDED, scenario, "backup");
    const name =
      readdirSync(recorded)
        .find((file) => file.endsWith(".tar.gz"))
        ?.replace(".tar.gz", "") ?? "";
    cpSync(recorded, join(bucket, "backups", name), { recursive: true });
  }
  await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: SHOP } });
  const metadata = { name: "shop-config", namespace: SHOP };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { ours: "yes" } });
  const spec = { includedNamespaces: [SHOP], includedResources: ["cm"] };
  await makeBackup({ kube, store: new FsStore(bucket) }, backupRequest(spec, { name: "ours" }));
});
afterAll(async () => {
  rmSync(bucket, { recursive: true });
  await cluster.request("DELETE", `/api/v1/namespaces/${SHOP}`);
});

describe("a backup that Velero made", () => {
  it("is listed beside ours, with who made it", async () => {
    const { out } = await holdfast("backup", "get", "-o", "wide", "--location", "default");

    expect(out).toMatch(/^ours +Completed .* Holdfast$/m);
    expect(out).toMatch(/^s01-backup +Completed +0 +0 +64 +2026-11-20T19:08:45Z +2026-12-20T19:08:45Z +Velero$/m);
  });

  it("is described with its objects, and with what Velero said of its volumes", async () => {
    const { out, code } = await holdfast("backup", "describe", "s01-backup", "--details", "--dir", bucket);

    expect(code).toBe(0);
    expect(out).toMatch(/^Made by: +Velero$/m);
    expect(out).toMatch(/^Namespaces: +included s01-shop$/m);
    expect(out).toMatch(/^ {2}apps\/v1\/Deployment:\n {4}- s01-shop\/web$/m);
    expect(out.replace(/\s+/g, " ")).toContain("data-orders-0: no data (podvolume: opted out due to annotation in pod");
  });

  it("gives out its log, its archive, and one object", async () => {
    const target = join(bucket, "copy.tar.gz");
    const logs = await holdfast("backup", "logs", "s01-backup", "--dir", bucket);
    const download = await holdfast("backup", "download", "s01-backup", "--dir", bucket, "--to", target);
    const cat = await holdfast("backup", "cat", "s01-backup", "deploy", "web", "-n", SHOP, "--dir", bucket);

    expect(logs.out).toMatch(/level=info msg="Setting up backup temp file"/);
    expect(download.code).toBe(0);
    expect(readFileSync(target)).toEqual(readFileSync(join(bucket, "backups/s01-backup/s01-backup.tar.gz")));
    expect(cat.out).toMatch(/^kind: Deployment\n/m);
    expect(cat.out).toMatch(/^ {2}name: web\n/m);
  });

  it("is searched", async () => {
    const { out, code } = await holdfast("backup", "grep", "s01-high", "s01-backup", "--dir", bucket);

    expect(code).toBe(0);
    expect(out).toContain("deployments.apps s01-shop/web /spec/template/spec/priorityClassName: s01-high\n");
  });

  it("is compared with another of Velero's, with one of ours, and with what is live", async () => {
    const resource = ["--resource", "configmaps", "--dir", bucket];
    const velero = await holdfast("backup", "diff", "s01-backup", "s02-backup", ...resource);
    const ours = await holdfast("backup", "diff", "s01-backup", "ours", ...resource);
    const live = await holdfast("backup", "diff", "s01-backup", "live", ...resource);

    expect(velero.out).toMatch(/^ {2}- ConfigMap s01-shop\/shop-config$/m);
    expect(velero.out).toMatch(/^ {2}\+ ConfigMap s02-app\/added-key$/m);
    for (const { out } of [ours, live]) {
      expect(out).toMatch(/^ {2}~ ConfigMap s01-shop\/shop-config$/m);
      expect(out).toMatch(/^ {6}\+ \/data\/ours: "yes"$/m);
      expect(out).toMatch(/^ {2}- ConfigMap s01-shop\/shop-logo$/m);
    }
  });

  it("is verified as far as it can be", async () => {
    const { out, code } = await holdfast("backup", "verify", "--all", "--read-data", "--dir", bucket);

    expect(code).toBe(0);
    expect(out).toMatch(/^s01-backup: ok \(made by velero, 9 files, 64 objects read/m);
  });
});

describe("the history of an object", () => {
  it("goes through Velero's backups and ours, by any name of its kind, without a cluster", async () => {
    for (const kind of ["configmaps", "cm", "ConfigMap"]) {
      const { out, code } = await holdfast("history", kind, "shop-config", "-n", SHOP, "--dir", bucket);

      expect(code).toBe(0);
      expect(out).toMatch(/ s01-backup {2}first seen/);
      expect(out).toMatch(/ s02-backup {2}absent\n/);
      expect(out).toMatch(/ ours {2}changed .*\n(?: {6}.*\n)* {6}\+ \/data\/ours: "yes"\n/);
    }
  });

  it("goes on behind a backup that can't be read, and says which", async () => {
    const archive = join(bucket, "backups/s02-backup/s02-backup.tar.gz");
    expect(existsSync(archive)).toBe(true);
    await truncate(archive, 3_000);

    const argv = ["history", "configmaps", "shop-config", "-n", SHOP, "--dir", bucket];
    const { out, code } = await holdfast(...argv);
    const json = await holdfast(...argv, "-o", "json");

    expect(code).toBe(3);
    expect(out).toMatch(/ s02-backup {2}unreadable: .*s02-backup\.tar\.gz/);
    expect(out).toMatch(/ ours {2}changed/);
    expect(json.out).toMatch(/"backup":"s02-backup",.*"type":"unreadable","message":".+"\}\n/);
  });
});
