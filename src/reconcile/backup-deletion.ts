import { DELETE_FORCED_ANNOTATION, DELETE_REQUESTED_ANNOTATION, GC_FAILURE_LABEL } from "../api/annotations.ts";
import { removeCondition, setCondition, setStanding } from "../api/conditions.ts";
import { BACKUP } from "../api/kinds.ts";
import { keyOf } from "../api/object.ts";
import { testResourceVersion } from "../api/patch.ts";
import { isEnded } from "../report/backup-record.ts";
import { readBackupClaim } from "../storage/claims.ts";
import { deleteBackup, deleteRestoreRecords } from "../storage/delete-backup.ts";
import { backupKeys } from "../storage/layout.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { type Deletable, deletableNow, type GcFailure, type Obstacle, unreachable } from "./deletion-obstacle.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation } from "./locations.ts";
import { SYNCED_ANNOTATION } from "./marker-plan.ts";
import { removeBackup, removeRestorePlan } from "./remove-record.ts";
import { DONE, isLostRace, type Result, requeue } from "./result.ts";
import { userOf } from "./retention-input.ts";
import { FIELD_MANAGER, writeStatus } from "./write-status.ts";

const RETRY_MS = 30_000;

/** True when a person asked for the data to go: the annotation repeats the backup's name. */
export function isDeletionRequested({ metadata }: Live<"Backup">): boolean {
  return metadata.annotations?.[DELETE_REQUESTED_ANNOTATION] === metadata.name;
}

function isForced({ metadata }: Live<"Backup">): boolean {
  return metadata.annotations?.[DELETE_FORCED_ANNOTATION] === metadata.name;
}

/**
 * Deletes a backup as a whole: its data, marker first, the records of its restores, and its Backup last. That it is
 * being deleted stands in its status before, so that whoever comes next goes on. What is in the way is said on it.
 */
export async function deleteWhole(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Result> {
  const deletable = await deletableNow(deps, backup);
  if (deletable.type === "blocked") {
    const { obstacle } = deletable;
    if (isForced(backup) && obstacle.isForcible === true) return await forget(deps, backup, obstacle);
    await sayBlocked(deps, backup, obstacle);
    return requeue(RETRY_MS);
  }
  const marked = backup.status?.phase === "Deleting" ? backup : await markDeleting(deps, backup);
  if (marked === undefined) return requeue(RETRY_MS);
  try {
    await deleteData(deps, marked, deletable.store);
  } catch (error) {
    if (isLostRace(error)) throw error;
    await sayBlocked(deps, marked, unreachable(dataLocation(deps, marked).name, error));
    return requeue(RETRY_MS);
  }
  const gone = { reason: "Deleted", message: "its data was deleted" } as const;
  await removeBackup(deps, deps.live.get("Backup", keyOf(marked)) ?? marked, gone);
  deps.log.info({ backup: backup.metadata.name, location: deletable.store.location }, "backup is deleted");
  return DONE;
}

/** Asks for the deletion of an expired backup: the reconciler of Backups does it. What is in the way is returned. */
export async function expire(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Obstacle | undefined> {
  const deletable: Deletable = await deletableNow(deps, backup);
  if (deletable.type === "blocked") {
    await sayBlocked(deps, backup, deletable.obstacle);
    return deletable.obstacle;
  }
  await markDeleting(deps, backup);
  return undefined;
}

/** The Backup with its new phase; undefined when a restore took it up meanwhile, and it stands as it did. */
async function markDeleting(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Live<"Backup"> | undefined> {
  const generation = backup.metadata.generation;
  const standing = { type: "reconciling", reason: "Deleting", message: "its data is being deleted" } as const;
  const conditions = removeCondition(
    setStanding(backup.status?.conditions, standing, generation, deps.clock.now()),
    "DeletionBlocked",
  );
  const marked = await writeStatus(deps.kube, BACKUP, backup, { ...backup.status, phase: "Deleting", conditions });
  // a restore that was begun while this was written has seen the old phase, and one that begins now sees the new one
  if (userOf(deps.live, backup.metadata.name) !== undefined) {
    deps.live.put(await writeStatus(deps.kube, BACKUP, marked, backup.status ?? {}));
    return undefined;
  }
  deps.hit("deletion-marked");
  deps.live.put(marked);
  return marked;
}

async function deleteData(deps: ReconcileDeps, backup: Live<"Backup">, store: ObjectStore): Promise<void> {
  const { name } = backup.metadata;
  const { marker, archive } = backupKeys(name);
  const onDeleted = (key: string): void => {
    if (key === marker) deps.hit("deletion-marker-gone");
    if (key === archive) deps.hit("deletion-midway");
  };
  if (await hasData(store, backup)) await deleteBackup(store, name, { onDeleted });
  deps.hit("deletion-data-gone");
  for (const plan of restoresOf(deps, backup)) {
    const run = plan.status?.run?.id;
    if (run !== undefined) await deleteRestoreRecords(store, run);
    await removeRestorePlan(deps, plan);
  }
  deps.hit("deletion-restores-gone");
}

/**
 * Whether the folder of that name is this backup's. One that was refused has none, nor has one that failed because its
 * name was taken: what stands there is its owner's, another cluster or Velero. @throws {ClaimUnreadable}
 */
async function hasData(store: ObjectStore, { metadata, status }: Live<"Backup">): Promise<boolean> {
  if (status?.manifestSha256 !== undefined || metadata.annotations?.[SYNCED_ANNOTATION] !== undefined) return true;
  if (status?.validationErrors !== undefined) return false;
  const token = status?.run?.token;
  return token === undefined || (await readBackupClaim(store, metadata.name))?.token === token;
}

/** Restores from exactly this backup that ended; the same name in another location is another backup. */
function restoresOf(deps: ReconcileDeps, backup: Live<"Backup">): Live<"RestorePlan">[] {
  const where = dataLocation(deps, backup);
  return deps.live.list("RestorePlan").filter(({ status }) => {
    const source = status?.backup;
    return (
      isEnded(status?.phase) &&
      source?.name === backup.metadata.name &&
      source.storageLocation === where.name &&
      (source.namespace ?? where.namespace) === where.namespace
    );
  });
}

/** Gives up data that can't be reached any more. Where it comes back after all, sync finds it again. */
async function forget(deps: ReconcileDeps, backup: Live<"Backup">, obstacle: Obstacle): Promise<Result> {
  await removeBackup(deps, backup, { reason: "Deleted", message: `given up by --force: ${obstacle.message}` });
  deps.log.warn({ backup: backup.metadata.name, why: obstacle.message }, "backup is forgotten, its data given up");
  return DONE;
}

/** Says on a Backup what keeps it from being deleted; equal words write nothing. */
async function sayBlocked(deps: ReconcileDeps, backup: Live<"Backup">, obstacle: Obstacle): Promise<void> {
  const { reason, message, gcFailure } = obstacle;
  const input = { type: "DeletionBlocked", status: true, reason, message } as const;
  const at = { ...input, observedGeneration: backup.metadata.generation };
  const conditions = setCondition(backup.status?.conditions, at, deps.clock.now());
  const written = await writeStatus(deps.kube, BACKUP, backup, { ...backup.status, conditions });
  deps.live.put(await labelled(deps, written, gcFailure));
}

/** Takes back what was said, for a backup that is to stay. */
export async function sayUnblocked(deps: ReconcileDeps, backup: Live<"Backup">): Promise<void> {
  const conditions = removeCondition(backup.status?.conditions, "DeletionBlocked");
  const written = await writeStatus(deps.kube, BACKUP, backup, { ...backup.status, conditions });
  deps.live.put(await labelled(deps, written, undefined));
}

/** The Backup with the label that Velero's dashboards count, or without it. */
async function labelled(
  deps: ReconcileDeps,
  backup: Live<"Backup">,
  gcFailure: GcFailure | undefined,
): Promise<Live<"Backup">> {
  const { labels } = backup.metadata;
  if (labels?.[GC_FAILURE_LABEL] === gcFailure) return backup;
  const { [GC_FAILURE_LABEL]: _old, ...others } = labels ?? {};
  const value = gcFailure === undefined ? others : { ...others, [GC_FAILURE_LABEL]: gcFailure };
  const operations = [testResourceVersion(backup), { op: "add", path: "/metadata/labels", value }];
  const options = { fieldManager: FIELD_MANAGER } as const;
  return (await deps.kube.patch(BACKUP, keyOf(backup), { type: "json", operations }, options)) as Live<"Backup">;
}
