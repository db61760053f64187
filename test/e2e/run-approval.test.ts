import { describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { restoreYaml, useInstallation } from "./run-fixture.ts";
import { runIntoKill } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const shop = useBackedUpShop(cluster, holdfast);

async function approve(planDigest?: string, extra = ""): Promise<void> {
  const approval = `  approval:\n    mode: PlanDigest\n${planDigest === undefined ? "" : `    planDigest: ${planDigest}\n`}`;
  await holdfast.commit({ "undo.yaml": restoreYaml(holdfast.namespace, "undo", shop.backup, `${approval}${extra}`) });
}

describe("a restore approved by its plan's digest", () => {
  it("is planned and recorded anew when it runs, whatever the plan that waited had written", async () => {
    const off = "  safetyBackup:\n    mode: Off\n";
    await approve(undefined, off);
    await holdfast.once();
    const asked = await shop.statusOf("undo");
    await approve(asked.planDigest, off);

    const ended = await holdfast.once();

    const { run } = await shop.statusOf("undo");
    const files = Object.keys(await holdfast.record());
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(await shop.prices()).toEqual({ apple: "1" });
    expect(files).toContain(`restores/${holdfast.namespace}/undo/${run?.id}/plan.md`);
  });

  it("does not run after an interruption when the plan is another by then, and does with the new digest", async () => {
    await approve();
    await holdfast.once();
    await approve((await shop.statusOf("undo")).planDigest);
    const killed = await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-key-pushed" });
    await shop.change({ pear: "5" });

    const refused = await holdfast.once();
    const stale = await shop.statusOf("undo");
    const untouched = await shop.prices();
    await approve(stale.planDigest);
    const ended = await holdfast.once();

    expect([killed.signal, refused.code, ready(stale)?.reason]).toEqual(["SIGKILL", 3, "PlanStale"]);
    expect([untouched, stale.safetyBackup]).toEqual([{ apple: "2", pear: "5" }, undefined]);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([await shop.prices(), (await shop.statusOf("undo")).run?.id]).toEqual([{ apple: "1" }, stale.run?.id]);
  });

  it("is undone with the approval of the undo's own plan", async () => {
    await holdfast.commit({ "undo.yaml": restoreYaml(holdfast.namespace, "undo", shop.backup) });
    await holdfast.once();
    const { run } = await shop.statusOf("undo");
    const back = (planDigest?: string): string =>
      `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata:\n  name: back\n  namespace: ${holdfast.namespace}\nspec:\n  source:\n    undoOf: ${run?.id}\n  approval:\n    mode: PlanDigest\n${planDigest === undefined ? "" : `    planDigest: ${planDigest}\n`}`;
    await holdfast.commit({ "back.yaml": back() });
    const waiting = await holdfast.once();
    const asked = await shop.statusOf("back");
    const restored = await shop.prices();
    await holdfast.commit({ "back.yaml": back(asked.planDigest) });

    const ended = await holdfast.once();

    expect([waiting.code, ready(asked)?.reason, restored]).toEqual([0, "AwaitingApproval", { apple: "1" }]);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([await shop.prices(), (await shop.statusOf("back")).phase]).toEqual([{ apple: "2" }, "Completed"]);
  });
});
