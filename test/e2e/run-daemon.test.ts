import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, type Running, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

function phaseOf(object: KubeObject): string | undefined {
  return (object.status as { phase?: string } | undefined)?.phase;
}

/** Starts the loop for good, with quick intervals, and resolves to its health address. */
async function startLoop(args: readonly string[] = []): Promise<{ running: Running; health: string }> {
  const running = holdfast.start([
    "run",
    "--repo",
    holdfast.repository.path,
    "--interval",
    "1s",
    "--health-address",
    "127.0.0.1:0",
    ...args,
  ]);
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  const found = { health: "" };
  await waitUntil(
    async () => {
      found.health = /"health":"([^"]+)"/.exec(log)?.[1] ?? "";
      return found.health !== "" && (await fetch(`${found.health}/readyz`)).ok;
    },
    { what: "the loop is ready", timeoutMs: 60_000, intervalMs: 100 },
  );
  return { running, health: found.health };
}

describe("holdfast run", () => {
  it("follows Git, runs a Backup made by hand, brings a deleted one back, and ends at SIGTERM", async () => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    const location = locationYaml(namespace, bucket).replace("default: true", "default: true\n  syncPeriod: 1s");
    await holdfast.commit({ "location.yaml": location });
    const { running, health } = await startLoop();

    await holdfast.commit({ "shop.yaml": policyYaml(namespace, "shop", shop) });
    const policy = await cluster.waitFor("BackupPolicy", namespace, "shop", (object) =>
      JSON.stringify(object.status).includes('"lastPhase":"Completed"'),
    );
    await cluster.create({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "Backup",
      metadata: { name: "by-hand", namespace },
      spec: { includedNamespaces: [shop] },
    });
    await cluster.waitFor("Backup", namespace, "by-hand", (object) => phaseOf(object) === "Completed");
    const asked = await holdfast.start(["backup", "create", "--from-policy", "shop", "--ttl", "1h", "--wait"]).ended;
    const before = await cluster.get("Backup", namespace, "by-hand");
    await cluster.delete("Backup", namespace, "by-hand", { wait: false }); // it may be back before anybody looks
    const back = await cluster.waitFor(
      "Backup",
      namespace,
      "by-hand",
      (object) => object.metadata.uid !== before.metadata.uid && phaseOf(object) === "Completed",
    );
    const backups = await cluster.list("Backup", namespace);
    const made = backups.find(({ metadata }) => metadata.name.startsWith("shop-manual-"));
    const metrics = await (await fetch(`${health}/metrics`)).text();
    await waitUntil(async () => Object.keys(await holdfast.record()).some((path) => path.endsWith("/by-hand.yaml")), {
      what: "the record tells of the backup",
      timeoutMs: 60_000,
      intervalMs: 200,
    });
    running.process.kill("SIGTERM");
    const ended = await running.ended;

    expect([asked.code, asked.stdout]).toEqual([
      0,
      expect.stringMatching(/^Backup shop-manual-\d{14}: Completed, \d+ items, 0 errors, 0 warnings$/m),
    ]);
    expect(made?.spec).toMatchObject({ includedNamespaces: [shop], ttl: "1h" });
    expect(made?.status).toMatchObject({ policy: { name: "shop", schedule: "manual" } });
    expect(policy.metadata.annotations).toMatchObject({ "holdfast.dev/git-source": `${namespace}/command-line` });
    expect((back.status as { manifestSha256?: string }).manifestSha256).toBe(
      (before.status as { manifestSha256?: string }).manifestSha256,
    );
    expect(metrics).toContain("holdfast_queue_depth");
    expect([ended.code, ended.signal]).toEqual([0, null]);
  });

  it("removes the record of a backup whose data is gone, and keeps them all when all seem gone", async () => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    const location = locationYaml(namespace, bucket).replace("default: true", "default: true\n  syncPeriod: 1s");
    await holdfast.commit({ "location.yaml": location });
    const names = ["one", "two", "three"];
    for (const name of names) {
      await cluster.create({
        apiVersion: "holdfast.dev/v1alpha1",
        kind: "Backup",
        metadata: { name, namespace },
        spec: { includedNamespaces: [shop] },
      });
    }
    const { running } = await startLoop();
    for (const name of names)
      await cluster.waitFor("Backup", namespace, name, (object) => phaseOf(object) === "Completed");

    await rm(join(bucket, "backups", "one"), { recursive: true });
    await cluster.waitUntilGone("Backup", namespace, "one");
    await rename(join(bucket, "backups"), join(bucket, "..", "lost")); // all at once: half of them gone is another case
    await cluster.waitFor("BackupStorageLocation", namespace, "main", (object) =>
      JSON.stringify(object.status).includes("DeletionsHeld"),
    );
    running.process.kill("SIGTERM");
    await running.ended;

    const left = (await cluster.list("Backup", namespace)).map(({ metadata }) => metadata.name).sort();
    expect(left).toEqual(["three", "two"]);
  });

  it("shows another's backup, and does not touch a location it may only read", async () => {
    const { namespace, bucket } = holdfast;
    const marker = new URL("../testdata/velero/01-plain/backup/velero-backup.json", import.meta.url);
    const velero = JSON.parse(await readFile(marker, "utf8")) as { metadata: { name: string } };
    const folder = join(bucket, "backups", velero.metadata.name);
    await import("node:fs/promises").then(({ mkdir }) => mkdir(folder, { recursive: true }));
    await writeFile(join(folder, "velero-backup.json"), JSON.stringify(velero));
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket).replace("default: true", "accessMode: ReadOnly"),
    });

    const ended = await holdfast.once();

    const backup = await cluster.get("Backup", namespace, velero.metadata.name);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(phaseOf(backup)).toBe("Completed");
    expect(await readdir(bucket)).toEqual(["backups"]);
    expect(await readdir(folder)).toEqual(["velero-backup.json"]);
  });
});

describe("holdfast status", () => {
  it("shows locations, policies and restores on one screen", async () => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    await holdfast.once();

    const text = await holdfast.start(["status"]).ended;
    const json = await holdfast.start(["status", "--output", "json"]).ended;

    expect([text.code, text.stderr]).toEqual([0, ""]);
    expect(text.stdout).toMatch(new RegExp(`${namespace}/shop +hourly +True +shop-hourly-\\d{14} +Completed`));
    expect(text.stdout).toContain("Nothing is stale.");
    expect(JSON.parse(json.stdout)).toMatchObject({
      locations: [{ name: `${namespace}/main`, phase: "Available", backups: 1 }],
    });
  });
});
