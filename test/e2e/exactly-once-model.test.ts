import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });
const git = useGitServer();

/** What people and accidents do to a RestorePlan. After each, Holdfast converges once (or two of it do). */
const STEPS = [
  "re-applied",
  "reverted",
  "merged again",
  "file renamed",
  "object deleted",
  "all objects lost",
  "two replicas",
  "same plan under another name",
  "same plan from another source",
  "new runId",
] as const;
type Step = (typeof STEPS)[number];

/** Steps that do something only to a plan that stands in Git. */
const NEEDS_PLAN: ReadonlySet<Step> = new Set([
  "file renamed",
  "same plan under another name",
  "same plan from another source",
]);

/** What the model knows: which plan stands in Git, and which of its contents have run. */
interface Model {
  round: number;
  runId: number;
  file: string | undefined;
  readonly ran: Set<string>;
}

describe("a restore under anything that can happen to its YAML", () => {
  let backup = "";
  beforeAll(async () => {
    const { namespace, bucket } = holdfast;
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "prices", namespace },
      data: { colour: "red" },
    });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", namespace),
    });
    const ended = await once();
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    [backup = ""] = await readdir(join(bucket, "backups"));
  });

  const once = async () => await holdfast.once({}, ["--timeout", "240s"]);

  function planYaml({ round, runId }: Model, name: string): string {
    return `apiVersion: holdfast.dev/v1alpha1
kind: RestorePlan
metadata:
  name: ${name}
  namespace: ${holdfast.namespace}
spec:
  source:
    backupName: ${backup}
  includedResources: [configmaps]
  existingResourcePolicy: update
  runId: round-${round}-${runId}
`;
  }

  async function deletePlans(): Promise<void> {
    for (const { metadata } of await cluster.list("RestorePlan")) {
      await cluster.delete("RestorePlan", metadata.namespace, metadata.name);
    }
  }

  async function put(model: Model, file: string | undefined): Promise<void> {
    const old = model.file !== undefined && model.file !== file ? { [model.file]: null } : {};
    const now = file === undefined ? {} : { [file]: planYaml(model, `plan-${model.round}`) };
    if (Object.keys({ ...old, ...now }).length > 0) await holdfast.commit({ ...old, ...now });
    model.file = file;
  }

  async function loseObjects(): Promise<void> {
    for (const kind of ["RestorePlan", "Backup", "BackupPolicy", "BackupStorageLocation"]) {
      for (const { metadata } of await cluster.list(kind))
        await cluster.delete(kind, metadata.namespace, metadata.name);
    }
  }

  async function copyPlan(model: Model): Promise<void> {
    await holdfast.commit({ "copy.yaml": planYaml(model, `copy-${model.round}-${model.runId}`) });
  }

  /** What each step does to Git and the cluster. */
  const TAKE: Readonly<Record<Step, (model: Model) => Promise<void>>> = {
    "re-applied": async () => {},
    "two replicas": async () => {},
    reverted: async (model) => {
      await put(model, undefined);
      await deletePlans();
    },
    "merged again": (model) => put(model, model.file ?? "restore.yaml"),
    "file renamed": (model) => put(model, model.file === "restore.yaml" ? "moved/again.yaml" : "restore.yaml"),
    "object deleted": deletePlans,
    "all objects lost": loseObjects,
    "same plan under another name": copyPlan,
    "same plan from another source": addSource,
    "new runId": async (model) => {
      model.runId += 1;
      await put(model, model.file ?? "restore.yaml");
    },
  };

  async function addSource(model: Model): Promise<void> {
    const name = `other-${model.round}-${model.runId}`;
    const hosted = await git.createRepository();
    await hosted.repository.commit({ files: { "plan.yaml": planYaml(model, name) } });
    const metadata = { name, namespace: holdfast.namespace };
    await cluster.apply({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "GitSource",
      metadata,
      spec: { url: hosted.url },
    });
  }

  async function colour(): Promise<unknown> {
    return ((await cluster.get("ConfigMap", holdfast.namespace, "prices")) as { data?: { colour?: unknown } }).data
      ?.colour;
  }

  /** Keys whose restore is recorded as done in the bucket. */
  async function doneKeys(): Promise<number> {
    const folder = join(holdfast.bucket, "restores");
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith("done.json")).length;
  }

  let rounds = 0;
  it("runs once for each content and runId, and never again", { timeout: 1_800_000 }, async () => {
    const sequences = fc.shuffledSubarray([...STEPS], { minLength: STEPS.length });
    const drive = async (steps: readonly Step[]): Promise<void> => {
      const before = await doneKeys();
      const model: Model = { round: ++rounds, runId: 1, file: undefined, ran: new Set() };
      const taken: Step[] = [];
      const take = async (step: Step): Promise<void> => {
        taken.push(step);
        await TAKE[step](model);
        const drift = `drift-${taken.length}`;
        await cluster.patch("ConfigMap", holdfast.namespace, "prices", { data: { colour: drift } });
        const runs = model.file !== undefined && !model.ran.has(`${model.runId}`);
        if (runs) model.ran.add(`${model.runId}`);
        await Promise.all(step === "two replicas" ? [once(), once()] : [once()]);
        expect([taken, await colour()]).toEqual([taken, runs ? "red" : drift]);
        expect([taken, (await doneKeys()) - before]).toEqual([taken, model.ran.size]);
      };
      for (const step of ["merged again" as const, ...steps]) {
        if (NEEDS_PLAN.has(step) && model.file === undefined) await take("merged again");
        await take(step);
      }
      await cleanUp();
    };
    await fc.assert(fc.asyncProperty(sequences, drive), { numRuns: 2, seed: 20_261_125, endOnFailure: true });
  });

  async function cleanUp(): Promise<void> {
    for (const kind of ["GitSource", "RestorePlan"]) {
      for (const { metadata } of await cluster.list(kind))
        await cluster.delete(kind, metadata.namespace, metadata.name);
    }
    const there = Object.keys(await holdfast.repository.readTree("main"));
    const plans = there.filter((path) => !["location.yaml", "shop.yaml"].includes(path));
    await holdfast.commit(Object.fromEntries(plans.map((path) => [path, null])));
  }
});
