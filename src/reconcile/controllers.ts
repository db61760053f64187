import { findCondition } from "../api/conditions.ts";
import { KINDS, type KindName } from "../api/kinds.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import { reconcileBackupPolicy } from "./backup-policy-reconciler.ts";
import { reconcileBackup } from "./backup-reconciler.ts";
import type { ReconcileDeps } from "./deps.ts";
import { createGitSourceReconciler } from "./git-source-reconciler.ts";
import { policyKeyOf } from "./live-objects.ts";
import { createWorkQueue, type WorkQueue } from "./queue.ts";
import { createRestorePlanReconciler } from "./restore-plan-reconciler.ts";
import { isLostRace, type Result } from "./result.ts";
import { createStorageLocationReconciler } from "./storage-location-reconciler.ts";

/** The queues of all kinds, one for each. */
export interface Controllers {
  readonly queues: Readonly<Record<KindName, WorkQueue>>;
  /** Something changed: what depends on it is looked at again. */
  onChange(kind: KindName, key: ObjectKey, object: KubeObject | undefined): void;
  /** A run ended and its slot is free: its object is looked at again, and so are those that wait for a slot. */
  onRunEnd(run: string): void;
  /** From now on changes wake reconcilers; before, all kinds must be listed, or one decides on half of the picture. */
  start(): void;
  /** Puts every live object into its queue. */
  addAll(): void;
  /** What may have waited for a location or for the record is looked at again. */
  wakeWaiting(): void;
  /** Keys waiting and in work. */
  depth(): number;
  /** Failures so far, by kind; a converged pass has none. */
  failures(): number;
  /** Resolves when no queue has anything to do now. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Reconciles at once, by kind: a source and a location are slow and few, policies are quick and many. */
const WORKERS: Readonly<Record<KindName, number>> = {
  GitSource: 2,
  BackupStorageLocation: 4,
  BackupPolicy: 8,
  Backup: 8,
  RestorePlan: 4,
};

/** Builds the queues and says what wakes what. */
export function createControllers(deps: ReconcileDeps): Controllers {
  let failures = 0;
  let isStarted = false;
  const reconcilers: Readonly<Record<KindName, (key: ObjectKey) => Promise<Result>>> = {
    GitSource: createGitSourceReconciler(deps),
    BackupStorageLocation: createStorageLocationReconciler(deps),
    BackupPolicy: (key) => reconcileBackupPolicy(deps, key),
    Backup: (key) => reconcileBackup(deps, key),
    RestorePlan: createRestorePlanReconciler(deps),
  };
  const queues = Object.fromEntries(KINDS.map(({ kind }) => [kind, queueOf(kind)])) as Record<KindName, WorkQueue>;

  function queueOf(kind: KindName): WorkQueue {
    return createWorkQueue({
      clock: deps.clock,
      workers: WORKERS[kind],
      random: Math.random,
      reconcile: async (key) => await reconcilers[kind](parseKey(key)),
      onFailure: (key, error, retryMs) => {
        failures++;
        const level = isLostRace(error) ? "debug" : "warn";
        deps.log[level]({ kind, key, retryMs, error: messageOf(error) }, "reconcile failed");
      },
    });
  }

  function add(kind: KindName, key: ObjectKey): void {
    queues[kind].add(formatKey(key));
  }

  function onChange(kind: KindName, key: ObjectKey, object: KubeObject | undefined): void {
    deps.record.note(kind, key, object);
    if (!isStarted) return;
    add(kind, key);
    if (kind === "Backup" && object !== undefined) {
      const policy = policyKeyOf(object as never, deps.installation.namespace);
      if (policy !== undefined && deps.live.get("BackupPolicy", policy) !== undefined) add("BackupPolicy", policy);
    }
    if (kind === "BackupStorageLocation") wakeWaiting();
  }

  function wakeWaiting(): void {
    for (const policy of deps.live.list("BackupPolicy")) add("BackupPolicy", keyOf(policy));
    for (const kind of ["Backup", "RestorePlan"] as const) {
      for (const object of deps.live.list(kind)) add(kind, keyOf(object));
    }
  }

  return {
    queues,
    onChange,
    wakeWaiting,
    onRunEnd: (run) => {
      const [kind = "", key = ""] = run.split(" ");
      if (kind === "Backup" || kind === "RestorePlan") add(kind, parseKey(key));
      for (const waiting of ["Backup", "RestorePlan"] as const) {
        for (const object of deps.live.list(waiting)) {
          const isQueued = findCondition(object.status?.conditions, "Reconciling")?.reason === "Queued";
          if (isQueued) add(waiting, keyOf(object));
        }
      }
    },
    start: () => {
      isStarted = true;
    },
    addAll: () => {
      if (deps.sources.flagged !== undefined) add("GitSource", keyOf(deps.sources.flagged as unknown as KubeObject));
      for (const { kind } of KINDS) for (const object of deps.live.list(kind)) add(kind, keyOf(object));
    },
    depth: () => KINDS.reduce((sum, { kind }) => sum + queues[kind].depth(), 0),
    failures: () => failures,
    idle: async () => {
      while (KINDS.some(({ kind }) => queues[kind].depth() > 0)) {
        for (const { kind } of KINDS) await queues[kind].idle();
      }
    },
    close: async () => {
      await Promise.all(KINDS.map(({ kind }) => queues[kind].close()));
    },
  };
}

function parseKey(key: string): ObjectKey {
  const slash = key.indexOf("/");
  return slash < 0 ? { namespace: "", name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
