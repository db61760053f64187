import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { AuditReport } from "../../src/report/audit.ts";
import { backupRecordText, mergeShard, monthOf, parseShard, shardText } from "../../src/report/backup-record.ts";
import { backupPath, restoreFolder, shardPath } from "../../src/report/record-paths.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { restoreYaml, useInstallation } from "./run-fixture.ts";
import { runIntoKill } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const shop = useBackedUpShop(cluster, holdfast);
const BRANCH = "holdfast/testbed";
const ARCHIVE = "holdfast-archive/testbed/2023";
const OLD = "shop-hourly-20230401120000";

/** Dates the record of a restore back to 2023, as the clock of a test process can't be. */
async function ageRestore(run: string): Promise<string> {
  const plan = { namespace: holdfast.namespace, name: "undo" };
  const [from, to] = [restoreFolder(plan, run), restoreFolder(plan, "undo-20230401130000")];
  const files = Object.entries(await holdfast.record()).filter(([path]) => path.startsWith(`${from}/`));
  const moved = files.flatMap(([path, text]) => [
    [path, null],
    [path.replace(from, to), text],
  ]);
  await holdfast.repository.commit({ branch: BRANCH, files: Object.fromEntries(moved) });
  return to;
}

/** A backup of 2023 that was deleted since, in the bytes in which the product records it. */
async function recordOldBackup(): Promise<string> {
  const record = {
    name: OLD,
    namespace: holdfast.namespace,
    cluster: "testbed",
    location: { namespace: holdfast.namespace, name: "main" },
    phase: "Completed",
    started: "2023-04-01T12:00:00Z",
    completed: "2023-04-01T12:00:09Z",
    policy: { namespace: holdfast.namespace, name: "shop", schedule: "hourly", revision: "c0ffee" },
    gone: true,
  } as const;
  const month = monthOf(record);
  const path = backupPath(month, OLD);
  const rows = shardText(month, mergeShard(parseShard(undefined), [record]));
  await holdfast.repository.commit({
    branch: BRANCH,
    files: { [path]: backupRecordText(record), [shardPath(month)]: rows },
  });
  return path;
}

it("archives old years once, also when it is killed in between; the ledger stays, and the audit goes on", async () => {
  const { namespace, bucket, repository } = holdfast;
  await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
  await holdfast.once();
  const { run } = await shop.statusOf("undo");
  await holdfast.commit({ "undo.yaml": null });
  await cluster.delete("RestorePlan", namespace, "undo");
  const restore = await ageRestore(run?.id ?? "");
  const backup = await recordOldBackup();
  const audit = ["audit", "--git", repository.path, "--no-cluster", "--since", "87600h", "-o", "json"];
  const report = async (): Promise<AuditReport> =>
    JSON.parse((await holdfast.start(audit).ended).stdout) as AuditReport;
  const before = (await report()).revisions;

  const killed = await runIntoKill(cluster, holdfast, { mode: "daemon", step: "record-archived" });
  const [here, there] = [await holdfast.record(), await repository.readTree(ARCHIVE)];
  const between = (await report()).revisions;
  const archived = await repository.resolve(ARCHIVE);
  const ended = await holdfast.once();
  const left = Object.keys(await holdfast.record());

  expect(killed.signal).toBe("SIGKILL");
  expect(Object.keys(here)).toEqual(expect.arrayContaining([backup, `${restore}/status.yaml`]));
  expect(Object.keys(there)).toEqual(expect.arrayContaining([backup, `${restore}/status.yaml`, `${restore}/plan.md`]));
  expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
  expect(left.filter((path) => path === backup || path.startsWith(restore))).toEqual([]);
  expect(await repository.resolve(ARCHIVE)).toBe(archived);
  const after = (await report()).revisions;
  await recordOldBackup(); // on both branches, as after another crash
  const twice = (await report()).revisions;
  expect(before.flatMap(({ backups }) => backups.map(({ name }) => name))).toContain(OLD);
  expect([between, after, twice]).toEqual([before, before, before]);

  await shop.change({ apple: "3" });
  await rm(join(bucket, "restores"), { recursive: true });
  await holdfast.commit({ "undo.yaml": restoreYaml(namespace, "undo", shop.backup) });
  await holdfast.once();

  expect([await shop.prices(), ready(await shop.statusOf("undo"))]).toMatchObject([
    { apple: "3" },
    { reason: "AlreadyRun" },
  ]);
});
