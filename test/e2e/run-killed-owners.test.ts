import { beforeAll, describe, expect, it } from "vitest";
import type { Failpoint } from "../../src/failpoints.ts";
import { FluxStandIn, installFlux, kustomization } from "../support/flux-stand-in.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { currentVersion, type Mode, phaseOf, runIntoKill, runToEnd, writesSince } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });

/** Every named step around a pause; a new one does not compile before it has a row. */
const STEPS: Readonly<Record<Extract<Failpoint, `owners-${string}`>, true>> = {
  "owners-recorded": true,
  "owners-paused": true,
  "owners-resuming": true,
  "owners-resumed": true,
};

/** Owners stand still before the copy of what will be touched is made, and until the last object is written. */
const BETWEEN = ["restore-safety-created", "restore-safety-made", "restore-midway", "restore-objects-written"];

const ROWS = [
  ...[...Object.keys(STEPS), ...BETWEEN].map((step) => ({ mode: "once", step })),
  { mode: "daemon", step: "owners-paused" },
  { mode: "daemon", step: "restore-safety-created" },
  { mode: "daemon", step: "restore-midway" },
] as readonly { mode: Mode; step: Failpoint }[];

/** Steps at which the owner stands still when the process dies. */
const PAUSED: ReadonlySet<string> = new Set(["owners-paused", ...BETWEEN, "owners-resuming"]);

const CHANGED = ["changed-0", "changed-1", "changed-2", "changed-3"];
const ROOT_CA = "kube-root-ca.crt";
const FLUX = "flux";

let shop: string;
let backup: string;

beforeAll(async () => {
  await installFlux(cluster);
  await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: FLUX } });
  await cluster.create(kustomization(FLUX, "apps", { suspend: false }));
  shop = await cluster.createNamespace();
  const maps = CHANGED.map((name) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: shop },
    data: { price: name },
  }));
  await new FluxStandIn(cluster, [{ namespace: FLUX, name: "apps", manifests: maps }]).reconcile();
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
});

interface Owner {
  readonly suspend: boolean | undefined;
  readonly record: { run: string; prior?: unknown } | undefined;
}

async function owner(): Promise<Owner> {
  const { spec, metadata } = await cluster.get("Kustomization", FLUX, "apps");
  const record = metadata.annotations?.["holdfast.dev/paused"];
  return {
    suspend: (spec as { suspend?: boolean }).suspend,
    record: record === undefined ? undefined : (JSON.parse(record) as { run: string; prior?: unknown }),
  };
}

async function haveAnAccident(): Promise<void> {
  for (const name of CHANGED) await cluster.patch("ConfigMap", shop, name, { data: { price: "wrong" } });
}

async function declare(plan: string): Promise<void> {
  await holdfast.commit({ "restore.yaml": restoreYaml(holdfast.namespace, plan, backup, `  runId: ${plan}\n`) });
}

const RUNNING: Owner = { suspend: false, record: undefined };

describe("a process killed while owners are paused", () => {
  it.each(ROWS)("($mode) at $step: the next one ends the restore, writes once, and resumes", async ({ mode, step }) => {
    const plan = `${mode}-${step}`;
    await haveAnAccident();
    const version = await currentVersion(cluster, shop);
    await declare(plan);

    const killed = await runIntoKill(cluster, holdfast, { mode, step });
    const between = await owner();
    const isOver = async (): Promise<boolean> =>
      phaseOf(await cluster.find("RestorePlan", holdfast.namespace, plan)) === "Completed";
    const next = await runToEnd(holdfast, mode, isOver);
    const writes = await writesSince(cluster, shop, version);

    expect([killed.signal, next.code], killed.stderr + next.stderr).toEqual(["SIGKILL", 0]);
    expect(between).toMatchObject(PAUSED.has(step) ? { suspend: true, record: { prior: false } } : RUNNING);
    expect(await owner()).toEqual(RUNNING);
    expect(phaseOf(await cluster.get("RestorePlan", holdfast.namespace, plan))).toBe("Completed");
    expect(writes).toEqual(Object.fromEntries([...CHANGED, ROOT_CA].map((name) => [name, ["MODIFIED"]])));
    const record = await holdfast.record();
    const file = Object.keys(record).find((path) => path.includes(`/${plan}/`) && path.endsWith("/owners.json"));
    expect(JSON.parse(record[file ?? ""] ?? "{}")).toMatchObject({
      owners: [{ owner: `Kustomization ${FLUX}/apps`, prior: false }],
      resumedAt: expect.any(String),
    });
  });

  it("is resumed by the next controller when the restore is gone", async () => {
    await haveAnAccident();
    await declare("deleted");
    await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-midway" });
    const between = await owner();
    await holdfast.commit({ "restore.yaml": null });
    await cluster.delete("RestorePlan", holdfast.namespace, "deleted");

    const next = await holdfast.once();

    expect(between.suspend).toBe(true);
    expect([next.code, await owner()]).toEqual([0, RUNNING]);
    expect(next.stderr).toContain("an owner was left paused and goes on");
  });

  it("is shown by doctor, and resumed by it when nobody else will", async () => {
    await haveAnAccident();
    await declare("for-the-doctor");
    await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-midway" });

    const living = await holdfast.start(["doctor", "--resume"]).ended;
    const stillPaused = await owner();
    await holdfast.commit({ "restore.yaml": null });
    await cluster.delete("RestorePlan", holdfast.namespace, "for-the-doctor");
    const looked = await holdfast.start(["doctor", "--output", "json"]).ended;
    const healed = await holdfast.start(["doctor", "--resume"]).ended;
    const resumed = await owner();
    const well = await holdfast.start(["doctor"]).ended;

    expect([living.code, stillPaused.suspend]).toEqual([0, true]);
    expect(living.stdout).toMatch(/Kustomization flux\/apps +held +\S+\/for-the-doctor/);
    expect(looked.code).toBe(3);
    expect(JSON.parse(looked.stdout)).toMatchObject({
      paused: [{ owner: `Kustomization ${FLUX}/apps`, state: "stale", why: expect.stringContaining("no RestorePlan") }],
    });
    expect([healed.code, resumed]).toEqual([0, RUNNING]);
    expect(healed.stdout).toContain("resumed");
    expect([well.code, well.stdout]).toEqual([0, "No Argo CD or Flux owner is paused by a restore.\n"]);
  });
});
