import { setCondition } from "../api/conditions.ts";
import type { BackupStatus } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import { runBackup } from "../backup/execute.ts";
import { hasKeepRule } from "../backup/keep-rules-plan.ts";
import type { BackupOutcome, BackupRequest, BackupStep, RequestedObject } from "../backup/types.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import type { Failpoint } from "../failpoints.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { endedConditions, originAnnotations } from "./marker-plan.ts";
import { scheduleOf } from "./retention-input.ts";
import { isShutdownReason } from "./shutdown.ts";
import { createStatusTrail, type StatusTrail } from "./status-trail.ts";

/** One claimed backup that is to be made now. */
export interface BackupExecution {
  /** With the claim in its status. */
  readonly backup: Live<"Backup">;
  readonly location: Live<"BackupStorageLocation">;
  readonly store: ObjectStore;
  readonly token: string;
  /** Exactly these, for the backup before a restore. */
  readonly objects?: readonly RequestedObject[];
  readonly signal: AbortSignal;
}

/** The engine's steps at which a test may kill the process. */
const FAILPOINT_AT: Partial<Record<BackupStep, Failpoint>> = {
  archive: "backup-bucket-claimed",
  logs: "backup-archive-put",
  lists: "backup-logs-put",
  index: "backup-lists-put",
  publish: "backup-index-put",
  marker: "backup-manifest-put",
  done: "backup-marker-put",
};

/** The key of a backup's run among the runs of this process. */
export function backupRunKey(key: ObjectKey): string {
  return `Backup ${formatKey(key)}`;
}

/** Makes one backup by the engine and writes what became of it into its status; returns the Backup as it ended. */
export async function executeBackup(deps: ReconcileDeps, execution: BackupExecution): Promise<Live<"Backup">> {
  const { backup, store } = execution;
  const log = deps.log.child({ backup: backup.metadata.name });
  log.info({ location: store.location }, "backup begins");
  const status = createStatusTrail(deps, BACKUP, backup);
  const outcome = await runToOutcome(deps, execution, status);
  // the next leader decides about it, and may have begun to
  if (isCoded(outcome.stoppedBy, "LeaseLost")) throw outcome.stoppedBy;
  const ended = await status.write((before) => endedStatus(deps, backup, before, outcome));
  deps.hit("backup-status-written");
  log.info({ phase: outcome.phase, items: outcome.itemsBackedUp, errors: outcome.errors }, "backup ends");
  return ended;
}

async function runToOutcome(
  deps: ReconcileDeps,
  execution: BackupExecution,
  status: StatusTrail<"Backup">,
): Promise<Ended> {
  const { kube, clock, log } = deps;
  try {
    return await runBackup({ kube, clock, log, store: execution.store }, requestOf(deps, execution, status));
  } catch (error) {
    return {
      phase: "Failed",
      failureReason: messageOf(error),
      completionTimestamp: rfc3339(clock.now()),
      errors: 0,
      warnings: 0,
      itemsBackedUp: 0,
      totalItems: 0,
      unprotectedVolumes: [],
    };
  }
}

/** What the end of a run is told by: the engine's outcome, or that it threw. */
type Ended = Omit<BackupOutcome, "results" | "startTimestamp"> & {
  readonly startTimestamp?: string;
};

/** A person's cancel ends a backup for good; a shutdown interrupts it, and its slot is made up. */
function reasonOf({ stoppedBy }: Ended): { readonly reason?: "Cancelled" | "Interrupted" } {
  if (stoppedBy === undefined) return {};
  return { reason: isShutdownReason(stoppedBy) ? "Interrupted" : "Cancelled" };
}

function requestOf(deps: ReconcileDeps, execution: BackupExecution, status: StatusTrail<"Backup">): BackupRequest {
  const { backup, location, token, objects, signal } = execution;
  const { cluster, clusterUid, term } = deps.installation;
  const origin = backup.status?.policy;
  const { name, namespace = "" } = backup.metadata;
  const labels = Object.entries(backup.metadata.labels ?? {}).filter(([label]) => label.startsWith("holdfast.dev/"));
  return {
    name,
    namespace,
    spec: backup.spec,
    cluster,
    storageLocation: location.metadata.name,
    labels: Object.fromEntries(labels),
    annotations: originAnnotations(backup, cluster, origin),
    ...(origin?.schedule === undefined ? {} : { policy: policyOf(origin.name, origin.schedule, origin, namespace) }),
    isKeptByRule: isKeptByRule(deps, backup),
    claim: { token, term, clusterUid },
    ...(location.status?.conditionalWrites === undefined
      ? {}
      : { conditionalWrites: location.status.conditionalWrites }),
    ...(objects === undefined ? optional("globalVolumePolicies", deps.globalVolumePolicies) : { objects }),
    signal,
    onProgress: ({ etaSeconds, ...progress }) =>
      status.hint((before) => ({ ...before, progress: { ...progress, ...optional("etaSeconds", etaSeconds) } })),
    onPendingHooks: async (pending) => {
      await status.write((before) => ({ ...before, pendingHooks: pending }));
    },
    onStep: (step) => {
      const failpoint = FAILPOINT_AT[step];
      if (failpoint !== undefined) deps.hit(failpoint);
    },
  };
}

/** Its schedule, as the policy has it now, keeps some backups whatever their age. */
function isKeptByRule({ live }: ReconcileDeps, { status }: Live<"Backup">): boolean {
  const { namespace = "", name, schedule } = status?.policy ?? {};
  if (name === undefined || schedule === undefined) return false;
  const rules = scheduleOf(live, { policy: { namespace, name }, schedule });
  return rules !== undefined && hasKeepRule(rules);
}

function policyOf(
  name: string,
  schedule: string,
  origin: { readonly namespace?: string; readonly revision?: string },
  namespace: string,
): NonNullable<BackupRequest["policy"]> {
  const revision = origin.revision === undefined ? {} : { revision: origin.revision };
  return { name, schedule, namespace: origin.namespace ?? namespace, ...revision };
}

function endedStatus(deps: ReconcileDeps, backup: Live<"Backup">, before: BackupStatus, outcome: Ended): BackupStatus {
  const nowMs = deps.clock.now();
  const generation = backup.metadata.generation;
  const unprotected = outcome.unprotectedVolumes.length;
  const message =
    outcome.failureReason ??
    outcome.validationErrors?.join("; ") ??
    `${outcome.itemsBackedUp} objects, ${outcome.errors} errors, ${outcome.warnings} warnings`;
  const ending = { phase: outcome.phase, message, generation, ...reasonOf(outcome) };
  let conditions = endedConditions(before.conditions, ending, nowMs);
  if (unprotected > 0) {
    const text = `the data of ${unprotected} volumes is not in the backup`;
    const input = { type: "VolumeDataNotProtected", status: true, reason: "VolumesNotCopied", message: text } as const;
    conditions = setCondition(conditions, { ...input, observedGeneration: generation }, nowMs);
  }
  const { pendingHooks: _pending, ...rest } = before;
  return {
    ...rest,
    phase: outcome.phase,
    completionTimestamp: outcome.completionTimestamp,
    progress: { totalItems: outcome.totalItems, itemsBackedUp: outcome.itemsBackedUp },
    errors: outcome.errors,
    warnings: outcome.warnings,
    conditions,
    ...(unprotected > 0 ? { unprotectedVolumes: unprotected } : {}),
    ...optional("startTimestamp", outcome.startTimestamp),
    ...optional("expiration", outcome.expiration),
    ...optional("failureReason", outcome.failureReason),
    ...optional("validationErrors", outcome.validationErrors),
    ...optional("manifestSha256", outcome.manifestSha256),
    ...optional("archiveSizeBytes", outcome.archiveSizeBytes),
    ...optional("hookStatus", outcome.hookStatus),
  };
}

function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
