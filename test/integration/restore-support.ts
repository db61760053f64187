/** Backups made of live objects, and restores of them, for the tests of the restore engine. */
import { gzipSync } from "node:zlib";
import type { RestorePlanSpec } from "../../src/api/kinds.generated.ts";
import { groupResource, type KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import type { PlanEntry, PlanSummary } from "../../src/report/plan.ts";
import { runRestore } from "../../src/restore/execute.ts";
import { planRestore } from "../../src/restore/plan-restore.ts";
import { planUndoRestore, runUndo, type UndoRequest } from "../../src/restore/run-undo.ts";
import type { ObjectRecord, PlanStream, RestoreDeps, RestoreOutcome, RestoreRequest } from "../../src/restore/types.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { type TestItem, writeBackup } from "../../src/storage/testing.ts";

/** Archives these objects as they are, and `unserved` ones whose resource the cluster does not know. */
export async function backUp(
  kube: KubeClient,
  objects: readonly KubeObject[],
  name = "backup",
  unserved: readonly TestItem[] = [],
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const { resources } = await kube.discovery({ refresh: true });
  const items = objects.map((object) => {
    const served = resources.find(
      (each) =>
        each.kind === object.kind &&
        (each.group === "" ? each.version : `${each.group}/${each.version}`) === object.apiVersion,
    );
    if (served === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not served`);
    return { resource: groupResource(served), object };
  });
  const key = ({ resource, object }: { resource: string; object: KubeObject }): string =>
    `${resource} ${object.metadata.namespace ?? ""} ${object.metadata.name}`;
  await writeBackup(
    store,
    [...items, ...unserved].sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    { name },
  );
  await store.put(backupKeys(name).volumeInfo, gzipSync("[]"));
  return store;
}

export interface RestoreRun {
  readonly outcome: RestoreOutcome;
  readonly records: readonly ObjectRecord[];
  /** `Kind name` → outcome. */
  readonly outcomes: Readonly<Record<string, string>>;
}

type Changes = Partial<Omit<RestoreRequest, "spec" | "backup">> & {
  readonly spec?: Partial<RestorePlanSpec>;
  readonly limits?: RestoreDeps["limits"];
  readonly backupName?: string;
};

/** Runs one restore of the store's backup. */
export async function restore(kube: KubeClient, store: ObjectStore, changes: Changes = {}): Promise<RestoreRun> {
  const { spec, limits, backupName = "backup", ...request } = changes;
  const backup = await openBackup(store, backupName);
  const records: ObjectRecord[] = [];
  const outcome = await runRestore(
    { kube, clock: systemClock, log: silentLogger, store, ...(limits === undefined ? {} : { limits }) },
    {
      run: "restore-20260102030405",
      ...request,
      spec: { source: { backupName }, ...spec },
      backup,
      onRecord: async (record) => {
        records.push(record);
        await request.onRecord?.(record);
      },
    },
  );
  await backup.close();
  return {
    outcome,
    records,
    outcomes: Object.fromEntries(records.map(({ kind, name, outcome: what }) => [`${kind} ${name}`, what])),
  };
}

/** The plan of the same, whole. */
export async function plan(
  kube: KubeClient,
  store: MemoryStore,
  changes: Changes = {},
): Promise<{ entries: PlanEntry[]; summary: PlanSummary }> {
  const { spec, limits: _limits, backupName = "backup", ...request } = changes;
  const backup = await openBackup(store, backupName);
  const stream = planRestore(
    { kube, clock: systemClock, log: silentLogger, store },
    { run: "restore-20260102030405", ...request, spec: { source: { backupName }, ...spec }, backup },
  );
  const planned = await entriesOf(stream);
  await backup.close();
  return planned;
}

/** Undoes a run by its records and the copies made before it. */
export async function undo(
  kube: KubeClient,
  records: readonly ObjectRecord[],
  safety: ObjectStore,
  changes: Partial<UndoRequest> & { readonly limits?: RestoreDeps["limits"] } = {},
): Promise<Pick<RestoreRun, "outcome" | "records">> {
  const { limits, ...request } = changes;
  const copies = await openBackup(safety, "safety");
  const told: ObjectRecord[] = [];
  const outcome = await runUndo(
    { kube, clock: systemClock, log: silentLogger, ...(limits === undefined ? {} : { limits }) },
    {
      run: "undo-20260102030405",
      backup: copies,
      safety: copies,
      records,
      force: false,
      ...request,
      onRecord: async (record) => {
        told.push(record);
        await request.onRecord?.(record);
      },
    },
  );
  await copies.close();
  return { outcome, records: told };
}

/** The plan of the same, whole. */
export async function planOfUndo(
  kube: KubeClient,
  records: readonly ObjectRecord[],
  safety: ObjectStore,
  changes: Partial<UndoRequest> = {},
): Promise<{ entries: PlanEntry[]; summary: PlanSummary }> {
  const copies = await openBackup(safety, "safety");
  const run = "undo-20260102030405";
  const stream = planUndoRestore(
    { kube, clock: systemClock, log: silentLogger },
    { run, spec: { source: { undoOf: "r" } }, backup: copies, safety: copies, records, force: false, ...changes },
  );
  const planned = await entriesOf(stream);
  await copies.close();
  return planned;
}

async function entriesOf(stream: PlanStream): Promise<{ entries: PlanEntry[]; summary: PlanSummary }> {
  const entries: PlanEntry[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { entries, summary: next.value };
    entries.push(next.value.entry);
  }
}

/** A ConfigMap. */
export function configMap(
  namespace: string,
  name: string,
  data: Record<string, string>,
  metadata: object = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...metadata }, data };
}

/** A webhook for new ConfigMaps of one namespace, before whose address nobody answers, unless `hook` says otherwise. */
export function webhook(name: string, namespace: string, hook: object = {}): KubeObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: "no.example.org",
        clientConfig: { url: "https://127.0.0.1:1/" },
        failurePolicy: "Fail",
        timeoutSeconds: 1,
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }],
        ...hook,
      },
    ],
  };
}

/** Items of a LIST of ConfigMaps with the fields that only the list carries. */
export function withKind(objects: readonly object[]): KubeObject[] {
  return objects.map((object) => ({ ...(object as KubeObject), apiVersion: "v1", kind: "ConfigMap" }));
}
