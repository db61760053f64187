import { randomUUID } from "node:crypto";
import { CANCEL_REQUESTED_ANNOTATION, PURPOSE_LABEL, REVISION_ANNOTATION, SAFETY_PURPOSE } from "../api/annotations.ts";
import { setStanding } from "../api/conditions.ts";
import type { BackupOrigin, BackupStatus } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import type { ObjectKey } from "../api/object.ts";
import { runPendingHooks } from "../backup/hook-exec.ts";
import { rfc3339 } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { parseBackupName } from "../schedule/slot-name.ts";
import { readBackupClaim } from "../storage/claims.ts";
import { backupKeys } from "../storage/layout.ts";
import { findBackup } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { deleteWhole, isDeletionRequested } from "./backup-deletion.ts";
import { backupRunKey, executeBackup } from "./backup-run.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { adoptMarker } from "./location-sync.ts";
import { findLocation, isAvailable, isReadOnly } from "./locations.ts";
import { endedConditions, SYNCED_ANNOTATION } from "./marker-plan.ts";
import { DONE, type Result, requeue, type StepOutcome } from "./result.ts";
import { summarize } from "./summarize.ts";
import { writeStatus } from "./write-status.ts";

/** How long a backup that can't begin yet waits before it is looked at again. */
const WAIT_MS = 5000;
const LOCATION_RETRY_MS = 30_000;

/**
 * Converges one Backup: claims it in its status, runs it, and says how it ended. A run that this process does not know
 * is a dead one: its marker, if it got that far, tells how it ended; else the backup is Failed (Interrupted).
 */
export async function reconcileBackup(deps: ReconcileDeps, key: ObjectKey): Promise<Result> {
  const backup = deps.live.get("Backup", key);
  if (backup === undefined || backup.metadata.deletionTimestamp !== undefined) return DONE;
  if (deps.runs.isActive(backupRunKey(key))) {
    if (isCancelled(backup)) deps.runs.cancel(backupRunKey(key));
    return DONE;
  }
  const phase = backup.status?.phase;
  if (phase === "Deleting" || (isDeletionRequested(backup) && phase !== "InProgress" && phase !== "Deleted"))
    return await deleteWhole(deps, backup);
  if (isEnded(phase)) return DONE;
  if (phase === "InProgress") return await settleDeadRun(deps, backup);
  if (isForsaken(backup)) return await settleDeadRun(deps, backup);
  if (isRecordOnly(backup)) return DONE;
  if (isCancelled(backup)) {
    await writeEnded(deps, backup, { phase: "Failed", reason: "Cancelled", message: "cancelled before it began" });
    return DONE;
  }
  if (deps.restoreOnly)
    return await waitFor(deps, backup, waiting("Suspended", "this Holdfast only restores", LOCATION_RETRY_MS));
  return await begin(deps, backup);
}

/** Made by sync, or by a restore for its own safety: run by nobody else. */
function isRecordOnly(backup: Live<"Backup">): boolean {
  return (
    backup.metadata.annotations?.[SYNCED_ANNOTATION] !== undefined ||
    backup.metadata.labels?.[PURPOSE_LABEL] !== undefined ||
    backup.status?.phase?.startsWith("WaitingFor") === true
  );
}

/** Made by a restore that died before it claimed it: the restore goes on with another, and nobody takes this one up. */
function isForsaken({ metadata, status }: Live<"Backup">): boolean {
  const isSynced = metadata.annotations?.[SYNCED_ANNOTATION] !== undefined;
  return !isSynced && metadata.labels?.[PURPOSE_LABEL] === SAFETY_PURPOSE && status?.phase === undefined;
}

function isCancelled(backup: Live<"Backup">): boolean {
  return backup.metadata.annotations?.[CANCEL_REQUESTED_ANNOTATION] === backup.metadata.name;
}

async function begin(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Result> {
  const location = findLocation(deps, backup.metadata.namespace ?? "", backup.spec.storageLocation);
  const obstacle = locationObstacle(location, backup.spec.storageLocation);
  if (location === undefined || obstacle !== undefined) {
    if (obstacle?.type === "stall") return await refuse(deps, backup, obstacle.message);
    return await waitFor(deps, backup, obstacle ?? waiting("AwaitingLocation", "", WAIT_MS));
  }
  const store = await deps.open.store(location);
  const adopted = await adoptFinished(deps, backup, location, store);
  if (adopted !== undefined) return adopted;
  const key = { namespace: backup.metadata.namespace ?? "", name: backup.metadata.name };
  const token = randomUUID();
  const slot = deps.runs.reserve(backupRunKey(key));
  if (slot === undefined) return await waitFor(deps, backup, waiting("Queued", "waits for a free slot", WAIT_MS));
  deps.hit("backup-unclaimed");
  let claimed: Live<"Backup">;
  try {
    claimed = await claimInStatus(deps, backup, { token, location: location.metadata.name });
  } catch (error) {
    slot.release();
    throw error; // to the queue, which tries again later and later
  }
  slot.run(async (signal) => {
    deps.hit("backup-cr-claimed");
    await executeBackup(deps, { backup: claimed, location, store, token, signal });
  });
  return DONE;
}

/**
 * A backup of this very name may stand in the bucket already: ours, whose Backup was deleted and declared again. Then
 * there is nothing to run; what the marker tells is its status. Any other owner of the name is found by the claim.
 */
async function adoptFinished(
  deps: ReconcileDeps,
  backup: Live<"Backup">,
  location: Live<"BackupStorageLocation">,
  store: ObjectStore,
): Promise<Result | undefined> {
  const { name, namespace = "" } = backup.metadata;
  const claim = await readBackupClaim(store, name);
  const { cluster, clusterUid } = deps.installation;
  if (claim?.cluster !== cluster || claim.clusterUid !== clusterUid || claim.namespace !== namespace) return undefined;
  const found = await findBackup(store, name);
  if (found === undefined) return undefined;
  const where = { namespace: location.metadata.namespace ?? "", name: location.metadata.name };
  await adoptMarker(deps, backup, where, found.backup);
  return DONE;
}

/** The claim in the cluster: from now on the bucket's claim with this token is ours. */
async function claimInStatus(
  deps: ReconcileDeps,
  backup: Live<"Backup">,
  run: { readonly token: string; readonly location: string },
): Promise<Live<"Backup">> {
  const { cluster, clusterUid, term } = deps.installation;
  const nowMs = deps.clock.now();
  const generation = backup.metadata.generation;
  const origin = originOf(deps, backup);
  const standing = { type: "reconciling", reason: "Progressing", message: "the backup is running" } as const;
  const status: BackupStatus = {
    phase: "InProgress",
    startTimestamp: rfc3339(nowMs),
    run: { id: backup.metadata.name, token: run.token, term, clusterUid, claimedAt: rfc3339(nowMs) },
    cluster,
    storageLocation: run.location,
    ...(origin === undefined ? {} : { policy: origin }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: setStanding(backup.status?.conditions, standing, generation, nowMs),
  };
  const claimed = await writeStatus(deps.kube, BACKUP, backup, status);
  deps.live.put(claimed);
  return claimed;
}

/** Policy, schedule and slot, as the backup's name tells them, where such a policy exists. */
function originOf(deps: ReconcileDeps, backup: Live<"Backup">): BackupOrigin | undefined {
  const named = parseBackupName(backup.metadata.name, deps.installation.namespace);
  if (named === undefined) return undefined;
  const policy = deps.live.get("BackupPolicy", { namespace: named.namespace, name: named.policy });
  if (policy === undefined) return undefined;
  const revision =
    backup.metadata.annotations?.[REVISION_ANNOTATION] ?? policy.metadata.annotations?.[REVISION_ANNOTATION];
  return {
    namespace: named.namespace,
    name: named.policy,
    schedule: named.schedule,
    slot: rfc3339(named.slotMs),
    ...(revision === undefined ? {} : { revision }),
  };
}

/**
 * A run of an earlier process: finished if its marker stands, interrupted if not. Neither is taken up again. Its hooks
 * come first: an application must not stay frozen for as long as a location can't be reached.
 */
async function settleDeadRun(deps: ReconcileDeps, found: Live<"Backup">): Promise<Result> {
  const backup = await runLeftHooks(deps, found);
  const { name, namespace = "" } = backup.metadata;
  const location = findLocation(deps, namespace, backup.status?.storageLocation ?? backup.spec.storageLocation);
  if (location !== undefined) {
    if (!isAvailable(location)) return requeue(LOCATION_RETRY_MS);
    const store = await deps.open.store(location);
    const claim = await readBackupClaim(store, name);
    if (claim !== undefined && claim.token === backup.status?.run?.token) {
      await endUploads(deps, store, name);
      const adopted = await adoptFinished(deps, backup, location, store);
      if (adopted !== undefined) return adopted;
    }
  }
  const message = "Holdfast was restarted while the backup was running";
  await writeEnded(deps, backup, { phase: "Failed", reason: "Interrupted", message });
  return DONE;
}

/** A leader that was frozen may have its completion on the way still: without its upload it completes nothing. */
async function endUploads(deps: ReconcileDeps, store: ObjectStore, backup: string): Promise<void> {
  try {
    await store.abortUploads(backupKeys(backup).archive);
  } catch (error) {
    deps.log.info({ backup, reason: messageOf(error) }, "unfinished uploads of a dead run stay until the clean-up");
  }
}

/** Post hooks that the dead run promised: an application may still be frozen by its pre hook. */
async function runLeftHooks(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Live<"Backup">> {
  let current = backup;
  await runPendingHooks(deps, backup.status?.pendingHooks ?? [], async (left) => {
    current = await writeStatus(deps.kube, BACKUP, current, { ...current.status, pendingHooks: left });
    deps.live.put(current);
  });
  return current;
}

/** Writes the end of a backup that never ran, or whose run nobody knows. */
async function writeEnded(
  deps: ReconcileDeps,
  backup: Live<"Backup">,
  ended: {
    readonly phase: "Failed" | "FailedValidation";
    readonly message: string;
    readonly reason?: "Cancelled" | "Interrupted";
  },
): Promise<void> {
  const nowMs = deps.clock.now();
  const generation = backup.metadata.generation;
  const status: BackupStatus = {
    ...backup.status,
    cluster: deps.installation.cluster,
    phase: ended.phase,
    completionTimestamp: rfc3339(nowMs),
    ...(ended.phase === "Failed" ? { failureReason: ended.message } : { validationErrors: [ended.message] }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: endedConditions(backup.status?.conditions, { ...ended, generation }, nowMs),
  };
  deps.live.put(await writeStatus(deps.kube, BACKUP, backup, status));
}

async function refuse(deps: ReconcileDeps, backup: Live<"Backup">, message: string): Promise<Result> {
  await writeEnded(deps, backup, { phase: "FailedValidation", message });
  return DONE;
}

async function waitFor(deps: ReconcileDeps, backup: Live<"Backup">, outcome: StepOutcome): Promise<Result> {
  const nowMs = deps.clock.now();
  const generation = backup.metadata.generation;
  const { conditions, result } = summarize({ outcome, conditions: backup.status?.conditions, generation, nowMs });
  const phase = outcome.reason === "Queued" ? "Queued" : "New";
  const status = {
    ...backup.status,
    phase,
    conditions,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  deps.live.put(await writeStatus(deps.kube, BACKUP, backup, status));
  return result;
}

function waiting(reason: "Queued" | "AwaitingLocation" | "Suspended", message: string, afterMs: number): StepOutcome {
  return { type: "wait", reason, message, afterMs };
}

/** Why a backup can't begin in its location; undefined when it can. */
function locationObstacle(
  location: Live<"BackupStorageLocation"> | undefined,
  wanted: string | undefined,
): StepOutcome | undefined {
  if (location === undefined) {
    const message =
      wanted === undefined ? "no location is the default, and none is named" : `there is no location ${wanted} yet`;
    return {
      type: "wait",
      reason: wanted === undefined ? "NoDefaultLocation" : "LocationMissing",
      message,
      afterMs: LOCATION_RETRY_MS,
    };
  }
  const { name } = location.metadata;
  if (isReadOnly(location)) {
    return {
      type: "stall",
      reason: "LocationReadOnly",
      message: `backup can't be created because backup storage location ${name} is currently in read-only mode`,
    };
  }
  if (isAvailable(location)) return undefined;
  return waiting(
    "AwaitingLocation",
    `location ${name} is not available: ${location.status?.message ?? "not tried yet"}`,
    LOCATION_RETRY_MS,
  );
}
