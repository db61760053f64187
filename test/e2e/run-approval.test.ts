import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
let shop: string;
let backup: string;

interface PlanStatus {
  readonly planDigest?: string;
  readonly safetyBackup?: string;
  readonly run?: { readonly id: string };
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

/** One backup of a namespace whose only ConfigMap was changed since. */
beforeEach(async () => {
  shop = await cluster.createNamespace();
  const metadata = { name: "prices", namespace: shop };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { apple: "1" } });
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
});

async function approve(planDigest?: string, extra = ""): Promise<void> {
  const approval = `  approval:\n    mode: PlanDigest\n${planDigest === undefined ? "" : `    planDigest: ${planDigest}\n`}`;
  await holdfast.commit({ "undo.yaml": restoreYaml(holdfast.namespace, "undo", backup, `${approval}${extra}`) });
}

async function status(): Promise<PlanStatus> {
  const plan = await cluster.get("RestorePlan", holdfast.namespace, "undo");
  return (plan as KubeObject & { status: PlanStatus }).status;
}

function standing({ conditions }: PlanStatus): string | undefined {
  return conditions?.find(({ type }) => type === "Ready")?.reason;
}

async function prices(): Promise<unknown> {
  return (await cluster.get("ConfigMap", shop, "prices")).data;
}

describe("a restore approved by its plan's digest", () => {
  it("is planned and recorded anew when it runs, whatever the plan that waited had written", async () => {
    const off = "  safetyBackup:\n    mode: Off\n";
    await approve(undefined, off);
    await holdfast.once();
    const asked = await status();
    await approve(asked.planDigest, off);

    const ended = await holdfast.once();

    const { run } = await status();
    const files = Object.keys(await holdfast.record());
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(await prices()).toEqual({ apple: "1" });
    expect(files).toContain(`restores/${holdfast.namespace}/undo/${run?.id}/plan.md`);
  });

  it("does not run after an interruption when the plan is another by then, and does with the new digest", async () => {
    await approve();
    await holdfast.once();
    await approve((await status()).planDigest);
    const killed = await holdfast.once({ env: { HOLDFAST_FAULT_AT: "restore-key-pushed" } });
    await cluster.patch("ConfigMap", shop, "prices", { data: { pear: "5" } });

    const refused = await holdfast.once();
    const stale = await status();
    const untouched = await prices();
    await approve(stale.planDigest);
    const ended = await holdfast.once();

    expect([killed.signal, refused.code, standing(stale)]).toEqual(["SIGKILL", 3, "PlanStale"]);
    expect([untouched, stale.safetyBackup]).toEqual([{ apple: "2", pear: "5" }, undefined]);
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect([await prices(), (await status()).run?.id]).toEqual([{ apple: "1" }, stale.run?.id]);
  });
});
