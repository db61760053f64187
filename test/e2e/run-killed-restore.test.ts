import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Failpoint } from "../../src/failpoints.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { currentVersion, type Mode, phaseOf, runIntoKill, runToEnd, writesSince } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });

/** Every named step of a restore; a new one does not compile before it has a row. */
const STEPS: Readonly<Record<Extract<Failpoint, `restore-${string}`>, true>> = {
  "restore-unclaimed": true,
  "restore-cr-claimed": true,
  "restore-bucket-claimed": true,
  "restore-key-pushed": true,
  "restore-safety-created": true,
  "restore-safety-made": true,
  "restore-prepared": true,
  "restore-midway": true,
  "restore-objects-written": true,
  "restore-status-written": true,
  "restore-recorded": true,
  "restore-key-ended": true,
  "restore-done-put": true,
};

/** A step of a backup is reached by the safety backup here: no other is due. */
const ROWS = [
  ...[...Object.keys(STEPS), "backup-bucket-claimed", "backup-archive-put", "backup-marker-put"].map((step) => ({
    mode: "once",
    step,
  })),
  { mode: "daemon", step: "restore-key-pushed" },
  { mode: "daemon", step: "restore-midway" },
  { mode: "daemon", step: "restore-recorded" },
] as readonly { mode: Mode; step: Failpoint }[];

const LOST = ["lost-0", "lost-1", "lost-2"];
const CHANGED = ["changed-0", "changed-1", "changed-2"];
const KEPT = ["kept-0"];

/** In every namespace, so in the backup too; a restore labels it. */
const ROOT_CA = "kube-root-ca.crt";

/** One write for each object. */
const ONCE_EACH = Object.fromEntries([
  ...LOST.map((name) => [name, ["ADDED"]]),
  ...[...CHANGED, ...KEPT, ROOT_CA].map((name) => [name, ["MODIFIED"]]),
]);

let shop: string;
let backup: string;

/** One backup for all rows. */
beforeAll(async () => {
  shop = await cluster.createNamespace();
  for (const name of [...LOST, ...CHANGED, ...KEPT]) {
    const metadata = { name, namespace: shop };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { price: name } });
  }
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
});

async function pricesNow(): Promise<Record<string, unknown>> {
  const found = await cluster.list("ConfigMap", shop);
  const own = found.filter(({ metadata }) => metadata.name !== ROOT_CA);
  return Object.fromEntries(own.map(({ metadata, data }) => [metadata.name, (data as { price: string }).price]));
}

interface PlanStatus {
  readonly run?: { readonly id: string };
  readonly safetyBackup?: string;
}

async function statusOf(name: string): Promise<PlanStatus> {
  return ((await cluster.get("RestorePlan", holdfast.namespace, name)).status ?? {}) as PlanStatus;
}

/** Keys on the status branch that one RestorePlan has claimed. */
function keysOf(record: Readonly<Record<string, string>>, plan: string): { run: string; done?: { phase: string } }[] {
  return Object.entries(record)
    .filter(([path]) => path.startsWith("keys/"))
    .map(([, text]) => JSON.parse(text) as { name: string; run: string; done?: { phase: string } })
    .filter(({ name }) => name === plan);
}

/** Claims in the bucket that one RestorePlan has made, and whether the end stands beside them. */
async function bucketClaimsOf(plan: string): Promise<{ run: string; isDone: boolean }[]> {
  const root = join(holdfast.bucket, "restores");
  const claims: { run: string; isDone: boolean }[] = [];
  for (const folder of await readdir(root)) {
    const file = join(root, folder, "claim.json");
    if (!existsSync(file)) continue;
    const claim = JSON.parse(await readFile(file, "utf8")) as { name: string; run: string };
    if (claim.name === plan) claims.push({ run: claim.run, isDone: existsSync(join(root, folder, "done.json")) });
  }
  return claims;
}

/** Puts the world back to where the restore has something to do. */
async function haveAnAccident(): Promise<void> {
  for (const name of LOST) await cluster.delete("ConfigMap", shop, name);
  for (const name of CHANGED) await cluster.patch("ConfigMap", shop, name, { data: { price: "wrong" } });
}

describe("a process killed while it restores", () => {
  it.each(ROWS)("($mode) at $step goes on as the same run, and writes once", async ({ mode, step }) => {
    const { namespace } = holdfast;
    const plan = `${mode}-${step}`;
    await haveAnAccident();
    const version = await currentVersion(cluster, shop);
    await holdfast.commit({ "restore.yaml": restoreYaml(namespace, plan, backup, `  runId: ${plan}\n`) });

    const killed = await runIntoKill(cluster, holdfast, { mode, step });
    const begun = await statusOf(plan);
    // A push that fails is tried again: neither half waits for the other.
    const isRecorded = async (): Promise<boolean> =>
      (await bucketClaimsOf(plan))[0]?.isDone === true && keysOf(await holdfast.record(), plan)[0]?.done !== undefined;
    const next = await runToEnd(holdfast, mode, isRecorded);
    const writes = await writesSince(cluster, shop, version);
    const restored = await pricesNow();
    const ended = await cluster.get("RestorePlan", namespace, plan);
    await cluster.patch("ConfigMap", shop, "changed-0", { data: { price: "later" } });
    await cluster.delete("RestorePlan", namespace, plan);
    const again = await holdfast.once();

    const { run, safetyBackup } = ended.status as PlanStatus;
    expect(killed.signal).toBe("SIGKILL");
    expect([next.code, again.code, next.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect([phaseOf(ended), run?.id]).toEqual(["Completed", begun.run?.id ?? run?.id]);
    expect(restored).toEqual(Object.fromEntries([...LOST, ...CHANGED, ...KEPT].map((name) => [name, name])));
    expect(writes).toEqual(ONCE_EACH);
    expect((await pricesNow())["changed-0"]).toBe("later");
    expect(await bucketClaimsOf(plan)).toEqual([{ run: run?.id, isDone: true }]);

    const record = await holdfast.record();
    expect(keysOf(record, plan)).toMatchObject([{ run: run?.id, done: { phase: "Completed" } }]);
    const folder = `restores/${namespace}/${plan}/`;
    const runs = Object.keys(record).filter((path) => path.startsWith(folder) && path.endsWith("/status.yaml"));
    expect(runs).toEqual([`${folder}${run?.id}/status.yaml`]);
    const told = (record[`${folder}${run?.id}/objects.jsonl`] ?? "").trim().split("\n");
    expect(told.filter((line) => line.includes('"created"'))).toHaveLength(LOST.length);
    const safety = await cluster.list("Backup", namespace, "holdfast.dev/purpose=safety");
    const own = safety.filter(({ metadata }) => metadata.name.startsWith(run?.id ?? "no run"));
    expect(own.filter((each) => phaseOf(each) === "Completed").map(({ metadata }) => metadata.name)).toEqual([
      safetyBackup,
    ]);
    expect(own.map(phaseOf).filter((phase) => phase !== "Completed" && phase !== "Failed")).toEqual([]);
  });
});
