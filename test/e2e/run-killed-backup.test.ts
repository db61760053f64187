import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Failpoint } from "../../src/failpoints.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";
import { type Mode, phaseOf, reasonOf, runIntoKill, runToEnd } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

/** What the next process makes of it: the backup itself stands, or its slot is made up by another. */
type Afterwards = "kept" | "made up";

/** Every named step of a backup; a new one does not compile before it has a row. */
const STEPS: Readonly<Record<Extract<Failpoint, `backup-${string}`>, Afterwards>> = {
  "backup-unclaimed": "kept",
  "backup-cr-claimed": "made up",
  "backup-bucket-claimed": "made up",
  "backup-archive-put": "made up",
  "backup-logs-put": "made up",
  "backup-lists-put": "made up",
  "backup-index-put": "made up",
  "backup-manifest-put": "made up",
  "backup-marker-put": "kept",
  "backup-status-written": "kept",
};

const ROWS = [
  ...Object.entries(STEPS).map(([step, afterwards]) => ({ mode: "once", step, afterwards })),
  { mode: "daemon", step: "backup-index-put", afterwards: "made up" },
  { mode: "daemon", step: "backup-marker-put", afterwards: "kept" },
] as readonly { mode: Mode; step: Failpoint; afterwards: Afterwards }[];

const EXPECTED = {
  kept: {
    backups: ["shop-hourly-SLOT Completed Completed"],
    shown: ["shop-hourly-SLOT"],
    totals: { backups: 1, completed: 1, failed: 0 },
  },
  "made up": {
    backups: ["shop-hourly-SLOT Failed Interrupted", "shop-hourly-SLOT-r1 Completed Completed"],
    shown: ["shop-hourly-SLOT-r1"],
    totals: { backups: 2, completed: 1, failed: 1 },
  },
};

/** Names without the slot's time. */
function timeless(name: string): string {
  return name.replace(/\d{14}/, "SLOT");
}

/** Backup objects: name, phase, and why. */
async function backups(): Promise<string[]> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return found.map((each) => `${timeless(each.metadata.name)} ${phaseOf(each)} ${reasonOf(each)}`).sort();
}

/** Folders of the bucket whose marker stands. */
async function marked(): Promise<string[]> {
  const folder = join(holdfast.bucket, "backups");
  const names = existsSync(folder) ? await readdir(folder) : [];
  return names.filter((name) => existsSync(join(folder, name, "velero-backup.json")));
}

/** What `index.json` on the status branch counts; undefined while there is no branch. */
async function recordTotals(): Promise<{ readonly completed: number } | undefined> {
  if ((await holdfast.repository.resolve("refs/heads/holdfast/testbed")) === undefined) return undefined;
  return (JSON.parse((await holdfast.record())["index.json"] ?? "{}") as { totals?: { completed: number } }).totals;
}

describe("a process killed while it makes a backup", () => {
  it.each(ROWS)("($mode) at $step: the backup is $afterwards, once", async ({ mode, step, afterwards }) => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket, repository } = holdfast;
    const metadata = { name: "prices", namespace: shop };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { apple: "1" } });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    const killed = await runIntoKill(cluster, holdfast, { mode, step });
    const markedBefore = await marked();
    const next = await runToEnd(holdfast, mode, async () => {
      const wanted = EXPECTED[afterwards];
      return (await recordTotals())?.completed === 1 && (await backups()).join() === wanted.backups.join();
    });
    const head = await repository.resolve("refs/heads/holdfast/testbed");
    const again = await holdfast.once();
    const verify = ["backup", "verify", "--all", "--read-data", "--location", "main", "--output", "json"];
    const verified = await holdfast.start(verify).ended;

    expect(killed.signal).toBe("SIGKILL");
    expect([next.code, again.code, next.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect(await backups()).toEqual(EXPECTED[afterwards].backups);
    expect(await marked()).toEqual(expect.arrayContaining(markedBefore));
    const reports = verified.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(reports.map(({ name, problems }) => [timeless(String(name)), problems])).toEqual(
      EXPECTED[afterwards].shown.map((name) => [name, []]),
    );
    expect(verified.code).toBe(0);
    expect(await recordTotals()).toMatchObject(EXPECTED[afterwards].totals);
    expect(await repository.resolve("refs/heads/holdfast/testbed")).toBe(head);
  });
});
