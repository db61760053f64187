import { DELETE_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { setCondition } from "../api/conditions.ts";
import { BACKUP } from "../api/kinds.ts";
import { keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { deleteBackup } from "../storage/delete-backup.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation, isAvailable, isReadOnly } from "./locations.ts";
import { recordOf } from "./record-files.ts";
import { DONE, type Result, requeue } from "./result.ts";
import { writeStatus } from "./write-status.ts";

const RETRY_MS = 30_000;

/** True when a person asked for the data to go: the annotation repeats the backup's name. */
export function isDeletionRequested({ metadata }: Live<"Backup">): boolean {
  return metadata.annotations?.[DELETE_REQUESTED_ANNOTATION] === metadata.name;
}

/**
 * Deletes a backup's data, marker first, and then its Backup. Goes on where an earlier attempt stopped. A backup that a
 * restore needs, or whose location can't be written to, is kept and says why.
 */
export async function deleteRequested(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Result> {
  const location = deps.live.get("BackupStorageLocation", dataLocation(deps, backup));
  const obstacle = obstacleTo(deps, backup, location);
  if (location === undefined || obstacle !== undefined)
    return await refuse(deps, backup, obstacle ?? "its location is gone");
  try {
    await deleteBackup(await deps.open.store(location), backup.metadata.name);
  } catch (error) {
    return await refuse(deps, backup, messageOf(error));
  }
  const record = recordOf(deps, backup);
  const { uid } = backup.metadata;
  await deps.kube.delete(BACKUP, keyOf(backup), uid === undefined ? {} : { uid });
  deps.live.remove("Backup", keyOf(backup));
  if (record !== undefined) deps.record.noteGone(record);
  deps.log.info({ backup: backup.metadata.name, location: location.metadata.name }, "backup is deleted on request");
  return DONE;
}

function obstacleTo(
  deps: ReconcileDeps,
  backup: Live<"Backup">,
  location: Live<"BackupStorageLocation"> | undefined,
): string | undefined {
  if (location === undefined) return "its location is gone; holdfast backup delete --force forgets it";
  if (isReadOnly(location)) return `location ${location.metadata.name} is ReadOnly`;
  if (!isAvailable(location)) return `location ${location.metadata.name} is not available`;
  const user = deps.live
    .list("RestorePlan")
    .find(({ status }) => status?.backup?.name === backup.metadata.name && status.phase === "InProgress");
  return user === undefined ? undefined : `InUse: RestorePlan ${user.metadata.name} restores from it`;
}

async function refuse(deps: ReconcileDeps, backup: Live<"Backup">, why: string): Promise<Result> {
  const { status, metadata } = backup;
  if (!isEnded(status?.phase)) return requeue(RETRY_MS);
  const input = { type: "Stalled", status: true, reason: "Failed", message: `it can't be deleted: ${why}` } as const;
  const generation = metadata.generation;
  const conditions = setCondition(status?.conditions, { ...input, observedGeneration: generation }, deps.clock.now());
  deps.live.put(await writeStatus(deps.kube, BACKUP, backup, { ...status, conditions }));
  return requeue(RETRY_MS);
}
