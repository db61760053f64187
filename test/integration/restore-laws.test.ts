import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestorePlanSpec } from "../../src/api/kinds.generated.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import type { PlanEntry } from "../../src/report/plan.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { LawCluster } from "./law-cluster.ts";
import { contentOf, contentsOf, keptVolumes } from "./law-content.ts";
import { CLUSTER_SCOPED, edited, lawCrd, manifest, objects } from "./law-objects.ts";
import { backUp, plan, restore } from "./restore-support.ts";

/** Runs of each law are multiplied by this: more seeds find more. */
const MORE = Number(process.env.HOLDFAST_LAW_RUNS ?? 1);
/** On real servers a failure takes minutes to shrink; the seed that is printed repeats it. */
const runs = (numRuns: number) => ({ numRuns: numRuns * MORE, endOnFailure: true });

describe("laws of a restore", { timeout: 480_000 * MORE }, () => {
  const cluster = useTestCluster({ nodes: true });
  const client = useKubeClients();
  const group = `${uniqueName("law")}.example.org`;
  const law = new LawCluster(cluster, group);

  beforeAll(async () => {
    await cluster.apply(lawCrd(group));
  });
  afterAll(async () => {
    await cluster.delete("CustomResourceDefinition", undefined, `laws.${group}`);
  });

  it("plan, then apply, leaves nothing to do", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(edited, fc.constantFrom("update", "recreate"), async (drawn, existingResourcePolicy) => {
        const places = await law.places();
        const all = drawn.map(({ object }) => object);
        await law.create(places, all);
        const archived = await law.read(kube, places, all);
        const store = await backUp(kube, archived);
        for (const { object, edit } of drawn) await law.change(places, object, edit);
        await law.settle(places.namespaces);
        const spec = { existingResourcePolicy };

        const before = await plan(kube, store, { spec });
        const { outcome } = await restore(kube, store, { spec });
        await law.settle(places.namespaces);
        const after = await plan(kube, store, { spec });
        const later = await plan(kube, store, { spec, run: "later-20260102030406" });

        expect(outcome).toMatchObject({
          phase: "Completed",
          errors: 0,
          counts: {
            patched: before.summary.totals.patch,
            recreated: before.summary.totals.recreate,
            created: before.summary.totals.create,
            labelled: before.summary.totals.labelsOnly,
            unchanged: before.summary.totals.unchanged,
          },
        });
        expect(after.entries.filter(isWrite)).toEqual([]);
        expect(later.entries.filter((entry) => isWrite(entry) && entry.action !== "labelsOnly")).toEqual([]);
        const kept = keptVolumes(archived);
        const skipped = before.entries
          .filter(({ action }) => action === "skip")
          .map(({ kind, name }) => `${kind} ${name}`);
        const replaced = (objects: readonly KubeObject[]) =>
          objects.filter((each) => isReplaced(each) && !skipped.includes(`${each.kind} ${each.metadata.name}`));
        const restored = await law.read(kube, places, all);
        expect(contentsOf(replaced(restored), kept)).toEqual(contentsOf(replaced(archived), kept));
        await law.wipe(places, all);
      }),
      runs(15),
    );
  });

  it("a copy into other namespaces is whole, leaves nothing to do, and is undone without a trace", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(objects, async (drawn) => {
        const all = drawn.filter(({ kind }) => !CLUSTER_SCOPED.has(kind));
        const places = await law.places();
        const copies = { ...places, namespaces: [uniqueName("t-copy"), uniqueName("t-copy")] };
        await law.create(places, all);
        const archived = await law.read(kube, places, all);
        const store = await backUp(kube, archived);
        const namespaceMapping = Object.fromEntries(places.namespaces.map((from, at) => [from, copies.namespaces[at]]));
        const spec = { existingResourcePolicy: "update" as const, namespaceMapping } as Partial<RestorePlanSpec>;

        const { outcome, records } = await restore(kube, store, { spec });
        await law.settle([...places.namespaces, ...copies.namespaces]);
        const after = await plan(kube, store, { spec });
        const kept = keptVolumes(archived);
        const moved = (objects: KubeObject[]) =>
          objects
            .filter(({ kind }) => kind !== "PersistentVolume")
            .map((object) => ({ ...contentOf(object, kept), namespace: "" }));
        const [original, copied] = [await law.read(kube, places, all), await law.read(kube, copies, all)];
        const backup = await openBackup(store, "backup");
        const undone = await runUndo(
          { kube, clock: systemClock, log: silentLogger },
          { run: "undo-20260102030405", backup, safety: undefined, records, force: false },
        );

        const made = new Set(all.map(({ place }) => copies.namespaces[place] ?? ""));
        expect(outcome).toMatchObject({ errors: 0, counts: { created: all.length + made.size } });
        expect(after.entries.filter(isWrite)).toEqual([]);
        expect(contentsOf(original, kept)).toEqual(contentsOf(archived, kept));
        expect(moved(copied)).toEqual(moved(original));
        expect(undone).toMatchObject({ errors: 0, counts: { deleted: all.length + made.size } });
        for (const name of made) await cluster.waitUntilGone("Namespace", undefined, name);
        await law.wipe(places, all);
      }),
      runs(6),
    );
  });

  it("two namespaces mapped into one leave one object at each place, and nothing to do", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const policies = fc.constantFrom("none", "update", "recreate", "fail");
    await fc.assert(
      fc.asyncProperty(objects, policies, async (drawn, existingResourcePolicy) => {
        const all = drawn.filter(({ kind }) => !CLUSTER_SCOPED.has(kind));
        const places = await law.places();
        const target = await cluster.createNamespace();
        await law.create(places, all);
        const archived = await law.read(kube, places, all);
        const store = await backUp(kube, archived);
        const namespaceMapping = Object.fromEntries(places.namespaces.map((from) => [from, target]));
        const spec = { existingResourcePolicy, namespaceMapping };

        const before = await plan(kube, store, { spec });
        const { outcome } = await restore(kube, store, { spec });
        await law.settle([...places.namespaces, target]);
        const after = await plan(kube, store, { spec });

        const refused = existingResourcePolicy === "fail" ? before.summary.totals.fail : 0;
        expect(outcome).toMatchObject({
          errors: refused,
          counts: {
            created: before.summary.totals.create,
            patched: before.summary.totals.patch,
            skipped: before.summary.totals.skip,
            failed: refused,
          },
        });
        expect(after.entries.filter((entry) => isWrite(entry) && entry.action !== "fail")).toEqual([]);
        // By namespace: the first is what stays under none, the last under update.
        const inOrder = all.toSorted((a, b) => (namespaceOf(places, a) < namespaceOf(places, b) ? -1 : 1));
        const isLast = existingResourcePolicy === "update" || existingResourcePolicy === "recreate";
        const winners = new Map(
          (isLast ? inOrder : inOrder.toReversed()).map((each) => [`${each.kind} ${each.name}`, each]),
        );
        const kept = keptVolumes(archived);
        const there = { ...places, namespaces: [target, target] };
        for (const winner of winners.values()) {
          if (winner.kind === "ServiceAccount") continue;
          const [[wanted], [standing]] = [
            await law.read(kube, places, [winner]),
            await law.read(kube, there, [winner]),
          ];
          const at = (object: KubeObject | undefined) => object && { ...contentOf(object, kept), namespace: "" };
          expect(at(standing)).toEqual(at(wanted));
        }
        expect(contentsOf(await law.read(kube, places, all), kept)).toEqual(contentsOf(archived, kept));
        await law.wipe(there, [...winners.values()]);
        await law.wipe(places, all);
      }),
      runs(8),
    );
  });

  it("back up, wipe, restore gives the objects back", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(objects, async (all) => {
        const places = await law.places();
        await law.create(places, all);
        const before = await law.read(kube, places, all);
        const store = await backUp(kube, before);
        await law.wipe(places, all);

        const { outcome } = await restore(kube, store);
        await law.settle(places.namespaces);

        const kept = keptVolumes(before);
        expect(outcome).toMatchObject({ errors: 0, counts: { created: all.length + kept.size } });
        expect(contentsOf(await law.read(kube, places, all), kept)).toEqual(contentsOf(before, kept));
        await law.wipe(places, all);
      }),
      runs(12),
    );
  });
});

/** Service accounts are merged: what a person has put on since stays. */
function isReplaced({ kind }: KubeObject): boolean {
  return kind !== "ServiceAccount";
}

/** Volumes that are not made, and what stands aside, are skipped each time. */
function isWrite({ action }: PlanEntry): boolean {
  return action !== "unchanged" && action !== "skip";
}

function namespaceOf(places: Parameters<typeof manifest>[0], drawn: Parameters<typeof manifest>[1]): string {
  return manifest(places, drawn).metadata.namespace ?? "";
}
