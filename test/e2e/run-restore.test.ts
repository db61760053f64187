import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const shop = useBackedUpShop(cluster, holdfast);

async function apple(): Promise<string | undefined> {
  return ((await shop.prices()) as { apple?: string }).apple;
}

describe("a RestorePlan in Git", () => {
  it("never runs again when its file is renamed, and does with another runId", async () => {
    const { namespace } = holdfast;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
    await holdfast.once();
    const first = await apple();
    await shop.change({ apple: "3" });
    await holdfast.commit({ "undo.yaml": null, "again.yaml": restoreYaml(namespace, "again", shop.backup) });
    const renamed = await holdfast.once();
    const second = await apple();
    const again = await shop.statusOf("again");
    await holdfast.commit({ "again.yaml": restoreYaml(namespace, "again", shop.backup, '  runId: "2"\n') });
    await holdfast.once();

    expect([first, second, await apple()]).toEqual(["1", "3", "1"]);
    expect([renamed.code, ready(again)]).toMatchObject([0, { status: "True", reason: "AlreadyRun" }]);
  });

  it("is told by the commands as what it is: ended, or done before", async () => {
    const { namespace, start } = holdfast;
    const asked = ["restore", "create", "twin", "--from-backup", shop.backup, "--existing-resource-policy", "update"];
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
    await holdfast.once();

    const cancelled = await start(["restore", "cancel", "undo"]).ended;
    const same = start([...asked, "--wait"]);
    await cluster.waitFor("RestorePlan", namespace, "twin", () => true);
    await holdfast.once();

    expect([cancelled.code, cancelled.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^run undo-\d+ has ended already: Completed\. `holdfast restore undo undo` takes it back\n$/,
      ),
    ]);
    expect((await same.ended).stdout).toMatch(
      /nothing was restored: run undo-\d+ did this restore and ended Completed/,
    );
  });

  it("waits for the digest of its plan, runs with it, and refuses a stale one", async () => {
    const { namespace } = holdfast;
    const approval = (digest?: string): string =>
      `  approval:\n    mode: PlanDigest\n${digest === undefined ? "" : `    planDigest: ${digest}\n`}`;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup, approval()) });
    const waiting = await holdfast.once();
    const asked = await shop.statusOf("undo");
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup, approval("a".repeat(64))) });
    const refused = await holdfast.once();
    const stale = await shop.statusOf("undo");
    const before = await apple();
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup, approval(asked.planDigest)) });
    await holdfast.once();

    expect([waiting.code, ready(asked)]).toMatchObject([0, { status: "True", reason: "AwaitingApproval" }]);
    expect([refused.code, ready(stale)]).toMatchObject([3, { status: "False", reason: "PlanStale" }]);
    expect([before, await apple()]).toEqual(["2", "1"]);
  });

  it("backs up what it writes over, and an undo brings that back", async () => {
    const { namespace } = holdfast;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
    await holdfast.once();
    const { run, safetyBackup } = await shop.statusOf("undo");
    const safety = await cluster.get("Backup", namespace, safetyBackup ?? "");
    const undo = `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata:\n  name: back\n  namespace: ${namespace}\nspec:\n  source:\n    undoOf: ${run?.id}\n`;
    await holdfast.commit({ "back.yaml": undo });
    const restored = await apple();
    const ended = await holdfast.once();

    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(safety.metadata.labels).toMatchObject({ "holdfast.dev/purpose": "safety" });
    expect([restored, await apple(), (await shop.statusOf("back")).phase]).toEqual(["1", "2", "Completed"]);
  });

  it("takes the newest backup of its policy as of a time, and pins it", async () => {
    const { namespace, start } = holdfast;
    const first = (await cluster.get("Backup", namespace, shop.backup)).status as { startTimestamp: string };
    await waitUntil(async () => (Date.now() >= Date.parse(first.startTimestamp) + 1000 ? true : undefined), {
      what: "the second has passed in which the first backup began",
      timeoutMs: 5_000,
      intervalMs: 50,
    });
    await start(["backup", "create", "--from-policy", "shop"]).ended;
    await holdfast.once();
    const backups = await cluster.list("Backup", namespace);
    await shop.change({ apple: "3" });
    const yaml = (name: string, asOf: string): string =>
      restoreYaml(namespace, name, "").replace("backupName: ", `policy: { name: shop, asOf: ${asOf} }`);

    await holdfast.commit({ "then.yaml": yaml("then", first.startTimestamp) });
    const ended = await holdfast.once();

    const { backup } = (await cluster.get("RestorePlan", namespace, "then")).status as { backup: { name: string } };
    expect(backups.map((each) => (each.status as { phase: string }).phase)).toEqual(["Completed", "Completed"]);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([backup.name, await apple()]).toEqual([shop.backup, "1"]);
  });

  it("says that a backup is unknown, and writes nothing", async () => {
    const { namespace } = holdfast;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", "no-such-backup") });

    const ended = await holdfast.once();

    expect([ended.code, ready(await shop.statusOf("undo"))]).toMatchObject([
      3,
      { status: "False", reason: "BackupNotFound" },
    ]);
    expect(await apple()).toBe("2");
  });
});

describe("the ledger outlives", () => {
  it("the bucket's half: Git alone keeps a restore from running again", async () => {
    const { namespace, bucket } = holdfast;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
    await holdfast.once();
    await shop.change({ apple: "3" });
    await rm(join(bucket, "restores"), { recursive: true });
    await cluster.delete("RestorePlan", namespace, "undo");

    await holdfast.once();

    expect([await apple(), ready(await shop.statusOf("undo"))]).toMatchObject(["3", { reason: "AlreadyRun" }]);
  });

  it("the Git half: the bucket alone keeps it from running again", async () => {
    const { namespace, repository } = holdfast;
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
    await holdfast.once();
    await shop.change({ apple: "3" });
    await repository.deleteBranch("holdfast/testbed");
    await cluster.delete("RestorePlan", namespace, "undo");

    await holdfast.once();

    expect([await apple(), ready(await shop.statusOf("undo"))]).toMatchObject(["3", { reason: "AlreadyRun" }]);
  });

  it("its cluster: a branch of another one's stops the writer, and nothing is restored", async () => {
    const { namespace, repository } = holdfast;
    const branch = "holdfast/testbed";
    await repository.commit({
      branch,
      files: { "cluster.json": JSON.stringify({ cluster: "testbed", uid: "another" }) },
    });
    const head = await repository.resolve(branch);
    await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });

    const ended = await holdfast.once();

    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toMatch(/ClusterMismatch|belongs to another cluster/);
    expect([await apple(), await repository.resolve(branch)]).toEqual(["2", head]);
  });
});
