import { GIT_SOURCE_ANNOTATION } from "../api/annotations.ts";
import { removeCondition, setStanding } from "../api/conditions.ts";
import { BACKUP, type KindName, RESTORE_PLAN } from "../api/kinds.ts";
import { type KubeObject, keyOf } from "../api/object.ts";
import { outcomeOf } from "../report/backup-record.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { recordOf } from "./record-files.ts";
import { writeStatus } from "./write-status.ts";

type RecordDeps = Pick<ReconcileDeps, "kube" | "clock" | "installation" | "live" | "record" | "sources">;

/** Why the data of a backup is gone. `Deleted`: by Holdfast; `DataMissing`: without it. */
export interface Gone {
  readonly reason: "Deleted" | "DataMissing";
  readonly message: string;
}

/**
 * Removes the Backup whose data is gone, guarded by what was read, and says so in the record. One that Git declares
 * stays, as Deleted: without it Git would have it made again, as another backup under the old name.
 */
export async function removeBackup(deps: RecordDeps, backup: Live<"Backup">, gone: Gone): Promise<void> {
  const record = recordOf(deps, { ...backup, status: { ...backup.status, phase: endedPhase(backup) } });
  if (isDeclaredInGit(deps, "Backup", backup)) await writeDeleted(deps, backup, gone);
  else await removeObject(deps, BACKUP, backup);
  if (record !== undefined)
    deps.record.noteGone({ ...record, gone: true, ...(gone.reason === "Deleted" ? { deleted: true } : {}) });
}

/** Removes the RestorePlans of a deleted backup that ended; those that Git declares stay, and never run again. */
export async function removeRestorePlan(deps: RecordDeps, plan: Live<"RestorePlan">): Promise<void> {
  if (!isDeclaredInGit(deps, "RestorePlan", plan)) await removeObject(deps, RESTORE_PLAN, plan);
}

async function removeObject(
  deps: RecordDeps,
  kind: typeof BACKUP | typeof RESTORE_PLAN,
  object: KubeObject,
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const guard = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  await deps.kube.delete(kind, keyOf(object), guard);
  deps.live.remove(object);
}

/** A source that was not read yet is believed to declare what it applied: after a restart nothing else is known of it. */
function isDeclaredInGit({ sources }: RecordDeps, kind: KindName, object: KubeObject): boolean {
  if (sources.declaredBy(kind, keyOf(object), { namespace: "", name: "" }) !== undefined) return true;
  const [namespace = "", name = ""] = object.metadata.annotations?.[GIT_SOURCE_ANNOTATION]?.split("/") ?? [];
  return name !== "" && sources.tree({ namespace, name }) === undefined;
}

async function writeDeleted(deps: RecordDeps, backup: Live<"Backup">, gone: Gone): Promise<void> {
  const generation = backup.metadata.generation;
  const standing = { type: "ready", ...gone } as const;
  const settled = setStanding(backup.status?.conditions, standing, generation, deps.clock.now());
  const conditions = removeCondition(settled, "DeletionBlocked");
  const status = { ...backup.status, phase: "Deleted", conditions };
  deps.live.put(await writeStatus(deps.kube, BACKUP, backup, status));
}

/** How it ended, for the record: the phase itself says by now that it is being deleted. */
function endedPhase(backup: Live<"Backup">): "Completed" | "PartiallyFailed" | "Failed" | "FailedValidation" {
  const told = outcomeOf(backup);
  return told === "Completed" || told === "PartiallyFailed" || told === "FailedValidation" ? told : "Failed";
}
