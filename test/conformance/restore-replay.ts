/** Brings a cluster to where a recorded restore began, restores with Holdfast, and compares. */

import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { canonicalJson, parseJson } from "../../src/api/json.ts";
import type { ConfigMapReference, RestorePlanSpec } from "../../src/api/kinds.generated.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { isCoded } from "../../src/errors.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { createKubeClient } from "../../src/kube/create-client.ts";
import { silentLogger } from "../../src/log.ts";
import { runRestore } from "../../src/restore/execute.ts";
import type { ObjectRecord, RestoreOutcome } from "../../src/restore/types.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { restoreKeys } from "../../src/storage/layout.ts";
import { readAll } from "../../src/storage/streams.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { untilPortsAreFree } from "./free-ports.ts";
import { type Comparison, compareDump, compareResults, type Difference, nameOfObject } from "./restore-compare.ts";
import { dump, keyOfLive, type LiveObject } from "./restore-dump.ts";
import { applyBefore, type RecordedRestore, runSteps, type Scenario } from "./restore-scenario.ts";
import { bringTo, newObjects } from "./restore-state.ts";
import { type Transplanted, transplant } from "./restore-transplant.ts";

/** Called with what differs after each restore; a difference a rule covers is not waited for. */
export type Judge = (restore: RecordedRestore, differences: readonly Difference[], comparison: Comparison) => void;

export interface Replay {
  run(scenario: Scenario, judge: Judge): Promise<void>;
}

/** Limits as Velero had them in the recordings. */
const LIMITS = { terminatingTimeoutMs: 20_000, resourceTimeoutMs: 60_000 };
const SETTLED_FOR_MS = 1_500;
const SETTLE_DEADLINE_MS = 30_000;

/** Restores run as the user that Velero ran as: some recordings hold policies for it. */
export async function createReplay(cluster: TestCluster): Promise<Replay> {
  const common = { kubeconfigPath: cluster.kubeconfigPath, clock: systemClock, log: silentLogger };
  const admin = await createKubeClient(common);
  const velero = await createKubeClient({ ...common, impersonate: "velero-server" });
  await cluster.create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "velero-server" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "velero-server" }],
  });
  return { run: (scenario, judge) => replayScenario({ cluster, admin, velero }, scenario, judge) };
}

interface World {
  readonly cluster: TestCluster;
  readonly admin: KubeClient;
  readonly velero: KubeClient;
}

async function replayScenario(world: World, scenario: Scenario, judge: Judge): Promise<void> {
  const baseline = new Set((await dump(world.admin)).keys());
  try {
    await applyBefore(world.cluster, scenario.before);
    await settle(world.admin, baseline);
    await runSteps(world.cluster, scenario.setup);
    const transplanted = await transplant(world.admin, scenario.folder, scenario.backupName);
    for (const [index, recorded] of scenario.restores.entries()) {
      const restore: RecordedRestore = {
        ...recorded,
        liveBefore: transplanted.rewrite(recorded.liveBefore),
        after: transplanted.rewrite(recorded.after),
        results: transplanted.rewriteResults(recorded.results),
      };
      await runSteps(world.cluster, restore.mutation);
      if (index > 0 && restore.liveBefore !== undefined) await bringTo(world, baseline, restore.liveBefore);
      await untilNamespacesAreComplete(world.cluster);
      await settle(world.admin, baseline);
      await untilPortsAreFree(world.cluster, transplanted.archived.values());
      await replayRestore(world, { scenario, restore, transplanted, baseline }, judge);
    }
  } finally {
    await bringTo(world, baseline, []);
  }
}

interface Attempt {
  readonly scenario: Scenario;
  readonly restore: RecordedRestore;
  readonly transplanted: Transplanted;
  readonly baseline: ReadonlySet<string>;
}

async function replayRestore(world: World, attempt: Attempt, judge: Judge): Promise<void> {
  const { restore, transplanted, baseline } = attempt;
  const records = new Map<string, ObjectRecord>();
  const { outcome, list } = await restoreOnce(world, attempt, records);
  const results = restore.results.phase === undefined ? [] : compareResults(restore, outcome, list);
  const differences =
    restore.after === undefined ? [] : await differencesOnceSettled(world.admin, baseline, restore.after);
  const live = new Map([...(await dump(world.admin)).values()].map(({ object }) => [nameOfObject(object), object]));
  const archived = new Map([...transplanted.archived.values()].map((object) => [nameOfObject(object), object]));
  judge(restore, [...results, ...differences], { outcome, records, archived, recorded: restore, live });
}

async function restoreOnce(
  world: World,
  { scenario, restore, transplanted }: Attempt,
  records: Map<string, ObjectRecord>,
): Promise<{ outcome: RestoreOutcome; list: Record<string, string[]> }> {
  const { store } = transplanted;
  const backupName = String(restore.spec.backupName ?? restore.results.restore?.spec?.backupName ?? "");
  const refusal = sourceProblem(restore);
  if (refusal !== undefined) return { outcome: refused(refusal), list: {} };
  try {
    const backup = await openBackup(store, backupName);
    const {
      backupName: _name,
      scheduleName: _schedule,
      ...spec
    } = restore.spec as Pick<RestorePlanSpec, "resourceModifier" | "resourcePolicy"> & Record<string, unknown>;
    const dataOf = (reference: ConfigMapReference | undefined): Record<string, string> | undefined =>
      scenario.veleroNamespace.find(({ metadata }) => metadata.name === reference?.name)?.data as
        | Record<string, string>
        | undefined;
    const modifierData = dataOf(spec.resourceModifier);
    const policyData = dataOf(spec.resourcePolicy);
    const outcome = await runRestore(
      { kube: world.velero, clock: systemClock, log: silentLogger, store, limits: LIMITS },
      {
        run: restore.name,
        spec: { ...spec, source: { backupName } } as RestorePlanSpec,
        backup,
        ...(modifierData === undefined ? {} : { modifierData }),
        ...(policyData === undefined ? {} : { policyData }),
        ...pluginMappings(scenario.veleroNamespace),
        onRecord: (record) => {
          records.set(
            record.namespace === ""
              ? `${record.kind} ${record.name}`
              : `${record.kind} ${record.namespace}/${record.name}`,
            record,
          );
        },
      },
    );
    await backup.close();
    return { outcome, list: await resourceListOf(store, restore.name) };
  } catch (error) {
    if (isCoded(error, "BackupNotFound") || isCoded(error, "BackupIncomplete"))
      return { outcome: refused(error.message), list: {} };
    throw error;
  }
}

/** What the schema of a RestorePlan refuses: exactly one source. */
function sourceProblem({ spec, results }: RecordedRestore): string | undefined {
  const backup = spec.backupName ?? "";
  const schedule = spec.scheduleName ?? "";
  if ((backup === "") === (schedule === ""))
    return "Either a backup or schedule must be specified as a source for the restore, but not both";
  if (schedule !== "" && (results.restore?.spec?.backupName ?? "") === "")
    return "No completed backups found for schedule";
  return undefined;
}

function refused(problem: string): RestoreOutcome {
  const counts = { created: 0, patched: 0, labelled: 0, unchanged: 0, recreated: 0, deleted: 0, skipped: 0, failed: 0 };
  return {
    phase: "FailedValidation",
    validationErrors: [problem],
    startTimestamp: "",
    completionTimestamp: "",
    totalItems: 0,
    itemsRestored: 0,
    counts,
    warnings: 0,
    errors: 0,
    results: { warnings: {}, errors: {} },
    cancelled: false,
  };
}

function pluginMappings(configMaps: readonly KubeObject[]): {
  storageClassMapping?: Record<string, string>;
  imageMapping?: string[];
} {
  const dataOf = (plugin: string): Record<string, string> | undefined =>
    configMaps.find(({ metadata }) => metadata.labels?.[plugin] === "RestoreItemAction")?.data as
      | Record<string, string>
      | undefined;
  const storageClassMapping = dataOf("velero.io/change-storage-class");
  const images = dataOf("velero.io/change-image-name");
  return {
    ...(storageClassMapping === undefined ? {} : { storageClassMapping }),
    ...(images === undefined ? {} : { imageMapping: Object.values(images) }),
  };
}

async function resourceListOf(store: Transplanted["store"], run: string): Promise<Record<string, string[]>> {
  const key = restoreKeys(run).resourceList;
  if ((await store.head(key)) === undefined) return {};
  return parseJson(gunzipSync(await readAll(await store.get(key)))) as Record<string, string[]>;
}

/** Waits until the cluster is as recorded, or does not change any more. */
async function differencesOnceSettled(
  kube: KubeClient,
  baseline: ReadonlySet<string>,
  after: readonly KubeObject[],
): Promise<Difference[]> {
  const deadline = Date.now() + SETTLE_DEADLINE_MS;
  let last = "";
  let since = Date.now();
  for (;;) {
    const live = await newObjects(kube, baseline);
    const differences = compareDump(after, live);
    if (differences.length === 0) return [];
    const state = canonicalJson(
      live.map(({ object }) => [keyOfLive({ object } as LiveObject), object.metadata.resourceVersion]),
    );
    if (state !== last) since = Date.now();
    last = state;
    if (Date.now() - since > 2 * SETTLED_FOR_MS || Date.now() > deadline) return differences;
    await sleep(300);
  }
}

async function settle(kube: KubeClient, baseline: ReadonlySet<string>): Promise<void> {
  const deadline = Date.now() + SETTLE_DEADLINE_MS;
  let last = "";
  let since = Date.now();
  while (Date.now() < deadline && Date.now() - since < SETTLED_FOR_MS) {
    const live = await newObjects(kube, baseline);
    const state = canonicalJson(
      live.map(({ object }) => [object.kind, object.metadata.name, object.metadata.resourceVersion]),
    );
    if (state !== last) since = Date.now();
    last = state;
    await sleep(250);
  }
}

/**
 * Waits for what a dump does not show and a restore meets all the same: the certificate and the account of a fresh
 * namespace, and what its quotas count.
 */
async function untilNamespacesAreComplete(cluster: TestCluster): Promise<void> {
  const isCounted = ({ status }: KubeObject): boolean => (status as { used?: object } | undefined)?.used !== undefined;
  for (const { metadata } of await cluster.list("Namespace")) {
    const namespace = metadata.name;
    if (metadata.deletionTimestamp !== undefined) continue;
    await cluster.waitUntilComplete(namespace, SETTLE_DEADLINE_MS);
    for (const { metadata: quota } of await cluster.list("ResourceQuota", namespace))
      await cluster.waitFor("ResourceQuota", namespace, quota.name, isCounted, SETTLE_DEADLINE_MS);
  }
}
