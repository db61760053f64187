/** An undo as people meet it: its plan before, and what is left to do where its copies are gone. */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { validateTree } from "../../src/api/validate.ts";
import { createOpenStore } from "../../src/cli/open-store.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { createLookingDeps } from "../../src/reconcile/looking-deps.ts";
import { reportRestore } from "../../src/reconcile/pull-request-restore.ts";
import { plannedText } from "../../src/report/pull-request-page.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { type Ended, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const client = useKubeClients();
const shop = useBackedUpShop(cluster, holdfast);

const cli = async (...args: string[]): Promise<Ended> => await holdfast.start(args).ended;

/** Restores a ConfigMap that was changed and one that was deleted, and labels kube-root-ca.crt; resolves to the run. */
async function restored(extra = ""): Promise<string> {
  const metadata = { name: "list", namespace: shop.namespace };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } });
  await shop.change({ apple: "1" });
  await holdfast.commit({ "both.yaml": policyYaml(holdfast.namespace, "both", shop.namespace) });
  await holdfast.once();
  const names = (await cluster.list("Backup", holdfast.namespace)).map((backup) => backup.metadata.name);
  await shop.change({ apple: "2" });
  await cluster.delete("ConfigMap", shop.namespace, "list");
  const backup = names.find((name) => name.startsWith("both-")) ?? "";
  await holdfast.commit({ "restore.yaml": restoreYaml(holdfast.namespace, "restore", backup, extra) });
  await holdfast.once();
  return (await shop.statusOf("restore")).run?.id ?? "";
}

function undoYaml(run: string, source = "", extra = ""): string {
  return `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata:\n  name: back\n  namespace: ${holdfast.namespace}\nspec:\n  source:\n    undoOf: ${run}\n${source}${extra}`;
}

const APPROVED = "  approval:\n    mode: PlanDigest\n";

describe("the plan of an undo", () => {
  let proxy: ClusterProxy;
  beforeEach(async () => {
    proxy = await startClusterProxy(cluster);
    return () => proxy.stop();
  });

  it("is shown by the command line, reads alone, and is the one that the controller makes", async () => {
    const run = await restored();
    const file = join(holdfast.bucket, "..", "back.yaml");
    await writeFile(file, undoYaml(run, "", APPROVED));
    const plan = async (...args: string[]): Promise<Ended> =>
      await holdfast.start(["plan", file, ...args], { kubeconfigPath: proxy.kubeconfigPath }).ended;

    const [text, markdown, json] = [await plan(), await plan("-o", "markdown"), await plan("-o", "json")];
    const methods = new Set(proxy.calls.map(({ method }) => method));
    const pinned = await plan("--write");
    await holdfast.commit({ "back.yaml": await readFile(file, "utf8") });
    const ended = await holdfast.once();

    expect([text.code, text.stderr, methods]).toEqual([0, "", new Set(["GET"])]);
    expect(text.stdout).toContain(`  undo of            ${run}\n`);
    expect(text.stdout).toContain(`- ConfigMap ${shop.namespace}/list`);
    expect(text.stdout).toContain(`~ ConfigMap ${shop.namespace}/prices`);
    expect(text.stdout).toContain('~ /data/apple: "1" → "2"');
    expect(markdown.stdout).toContain(`undo of: ${run}`);
    const planned = JSON.parse(json.stdout) as { summary: { totals: object; digest: string } };
    expect(planned).toMatchObject({ plan: { undoOf: run }, summary: { totals: { delete: 1, patch: 2, fail: 0 } } });
    expect(pinned.stderr).toContain(`spec.approval.planDigest ${planned.summary.digest}`);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([await shop.prices(), (await shop.statusOf("back")).phase]).toEqual([{ apple: "2" }, "Completed"]);
  });

  it("is shown of what restore undo would create, and says what will fail", async () => {
    await restored();
    await shop.change({ apple: "3" });

    const scaffold = await cli("restore", "undo", "restore", "--dry-run");
    const plan = await holdfast.start(["plan", "-"], { stdin: scaffold.stdout }).ended;

    expect([scaffold.code, (await cluster.list("RestorePlan", holdfast.namespace)).length]).toEqual([0, 1]);
    expect(plan.code).toBe(3);
    expect(plan.stdout).toMatch(/! ConfigMap \S+\/prices +\(ChangedSince\)\n +was changed since the restore/);
  });
});

describe("a pull request with an undo", () => {
  it("is answered with the undo's plan", async () => {
    const run = await restored();
    const kube = await client(cluster.kubeconfigPath);
    const unused = (): Promise<never> => Promise.reject(new Error("unused"));
    const deps = await createLookingDeps({
      kube,
      clock: systemClock,
      log: silentLogger,
      installation: { cluster: holdfast.cluster, clusterUid: "", namespace: holdfast.namespace, term: 0 },
      open: { store: createOpenStore(kube, systemClock.monotonic), git: unused, forge: unused },
      spoolDir: join(holdfast.bucket, "..", "plans"),
    });
    const bytes = Buffer.from(undoYaml(run));
    const [document] = validateTree([{ path: "back.yaml", bytes }], { defaultNamespace: holdfast.namespace }).documents;
    if (document === undefined) throw new Error("the undo is no valid document");

    const { signal } = new AbortController();
    const answer = await reportRestore(deps, document, { blocksBytes: 10_000, hideValues: false, signal });
    const told = answer.type === "planned" ? plannedText(answer) : JSON.stringify(answer);

    expect(told).toContain("Plan: 2 to patch, 1 to delete");
    expect(told).toContain(`undo of: ${run}`);
    expect(told).toContain(`-   - ConfigMap ${shop.namespace}/list`);
  });
});

describe("the undo of a restore whose safety backup is gone", () => {
  async function loseCopies(): Promise<string> {
    const { safetyBackup = "" } = await shop.statusOf("restore");
    await rm(join(holdfast.bucket, "backups", safetyBackup), { recursive: true });
    return safetyBackup;
  }

  it("does nothing and says what is gone, where, and what can still be done; that is done when asked for", async () => {
    const run = await restored();
    const safety = await loseCopies();
    await holdfast.commit({ "back.yaml": undoYaml(run) });

    const planned = await holdfast.start(["plan", "-"], { stdin: undoYaml(run) }).ended;
    const refused = await holdfast.once();
    const stalled = await shop.statusOf("back");
    const untouched = await shop.prices();
    await holdfast.commit({ "back.yaml": undoYaml(run, "    createdOnly: true\n") });
    const ended = await holdfast.once();

    const message = `the safety backup ${safety} of run ${run} is gone (looked in main; it is kept for 168h0m0s), so 2 objects that it changed can't be returned: restore them from another backup; \`holdfast restore undo restore --created-only\` (source.createdOnly) still deletes the 1 object that it created`;
    expect([planned.code, planned.stderr]).toEqual([1, expect.stringContaining(message)]);
    expect([refused.code, untouched]).toEqual([3, { apple: "1" }]);
    expect(stalled.conditions).toContainEqual(
      expect.objectContaining({ type: "Stalled", status: "True", reason: "SafetyBackupGone", message }),
    );
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([(await shop.statusOf("back")).phase, await shop.prices()]).toEqual(["Completed", { apple: "1" }]);
    expect(await cluster.find("ConfigMap", shop.namespace, "list")).toBeUndefined();
  });

  it("says so too where there never was one", async () => {
    const run = await restored("  safetyBackup:\n    mode: Off\n");
    await holdfast.commit({ "back.yaml": undoYaml(run) });

    await holdfast.once();

    const status = await shop.statusOf("back");
    expect(ready(status)).toMatchObject({ status: "False", reason: "SafetyBackupGone" });
    expect(ready(status)?.message).toMatch(/^run \S+ made no safety backup, so 2 objects that it changed/);
    expect(await shop.prices()).toEqual({ apple: "1" });
  });

  it("waits for a location that can't be reached, and goes on when it can", async () => {
    const run = await restored();
    const { bucket } = holdfast;
    await rename(bucket, `${bucket}-away`);
    await holdfast.commit({ "back.yaml": undoYaml(run) });

    await holdfast.once();
    const waiting = ready(await shop.statusOf("back"));
    // The command looks for the records there too, and has neither this disk's nor Git's.
    const planned = await holdfast.start(["plan", "-"], { stdin: undoYaml(run) }).ended;
    await rename(`${bucket}-away`, bucket);
    const ended = await holdfast.once();

    expect(waiting).toMatchObject({ status: "Unknown", reason: "AwaitingLocation" });
    expect(waiting?.message).toMatch(/^location main is not available: /);
    expect([planned.code, planned.stderr]).toEqual([1, expect.stringContaining(waiting?.message ?? "no message")]);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([(await shop.statusOf("back")).phase, await shop.prices()]).toEqual(["Completed", { apple: "2" }]);
  });
});
