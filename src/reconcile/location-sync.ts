import { ALLOW_DELETIONS_ANNOTATION } from "../api/annotations.ts";
import { BACKUP } from "../api/kinds.ts";
import { type KubeObject, keyOf } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import { isOver } from "../report/backup-record.ts";
import { readBackupClaim } from "../storage/claims.ts";
import { deleteBackup } from "../storage/delete-backup.ts";
import { backupKeys } from "../storage/layout.ts";
import { listBackups, listFolders, listUnfinished } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { judgeDeletions } from "./deletion-plan.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation } from "./locations.ts";
import { backupOfMarker, bareBackupOfMarker, SYNCED_ANNOTATION, statusOfMarker } from "./marker-plan.ts";
import { removeBackup } from "./remove-record.ts";
import { FIELD_MANAGER, writeStatus } from "./write-status.ts";

/** What one look at a location's folders came to. */
export interface SyncOutcome {
  /** Records of vanished data that the breaker keeps, with the digest that lets them go. */
  readonly held: { readonly digest: string; readonly count: number; readonly why: string } | undefined;
}

/** What a sync works with. */
export type SyncDeps = Pick<ReconcileDeps, "kube" | "clock" | "log" | "installation" | "live" | "record" | "sources">;

/** For so long a dropped record counts among the recent ones. */
const HOUR_MS = 3_600_000;

/** How long the folder of a dead run is kept, in ms: long enough for any clock that is off, and for a look at it. */
export const UNFINISHED_GRACE_MS = 60 * 60_000;

/**
 * Makes the Backups of the cluster what the location holds: the bucket is the truth. Markers without a Backup become
 * one; a Completed Backup without its folder goes. Failed and PartiallyFailed ones stay. `dropped` holds when records
 * were dropped, in monotonic ms: what goes now is added, and what went within the hour counts for the breaker.
 */
export async function syncLocation(
  deps: SyncDeps,
  location: Live<"BackupStorageLocation">,
  store: ObjectStore,
  dropped: number[],
): Promise<SyncOutcome> {
  // before the folders are listed: a backup that ends meanwhile has not vanished
  const here = backupsIn(deps, location);
  const folders = new Set(await listFolders(store));
  const known = new Set(here.filter((backup) => !lacksEnd(backup)).map(({ metadata }) => metadata.name));
  const onUnreadable = (name: string, error: unknown): void =>
    deps.log.info({ location: location.metadata.name, backup: name, error: messageOf(error) }, "marker is unreadable");
  for await (const { backup } of listBackups(store, { only: (name) => !known.has(name), onUnreadable })) {
    if (!isUnderWay(backup)) await recreate(deps, location, backup);
  }
  const gone = here.filter(({ metadata, status }) => status?.phase === "Completed" && !folders.has(metadata.name));
  return { held: await dropVanished(deps, { location, store, here, gone, dropped }) };
}

/** How many backups of a location can be restored. */
export function countRestorable(deps: ReconcileDeps, location: Live<"BackupStorageLocation">): number {
  return backupsIn(deps, location).filter(({ status }) => isRestorable(status?.phase)).length;
}

/** The Backups whose data is in this location. */
function backupsIn(deps: SyncDeps, location: Live<"BackupStorageLocation">): Live<"Backup">[] {
  const { name, namespace } = keyOf(location);
  return deps.live.list("Backup").filter((backup) => {
    const where = dataLocation(deps, backup);
    return where.name === name && where.namespace === namespace;
  });
}

function isRestorable(phase: string | undefined): boolean {
  return phase === "Completed" || phase === "PartiallyFailed";
}

/** A Backup that sync made and that does not say how it ended: sync was interrupted before it gave it a status. */
function lacksEnd({ metadata, status }: Live<"Backup">): boolean {
  return metadata.annotations?.[SYNCED_ANNOTATION] !== undefined && !isOver(status?.phase);
}

/** Velero puts a marker while it still works on a backup, and another one at its end: that one is told of. */
function isUnderWay({ status }: KubeObject): boolean {
  const { phase = "" } = (status ?? {}) as { readonly phase?: string };
  return /^(?:WaitingFor|Finalizing)/.test(phase);
}

/** Makes the Backup of one marker, and gives it the status that the marker tells. */
async function recreate(deps: SyncDeps, location: Live<"BackupStorageLocation">, marker: KubeObject): Promise<void> {
  const key = keyOf(location);
  const options = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;
  const halfMade = deps.live.get("Backup", { namespace: key.namespace, name: marker.metadata.name });
  if (halfMade !== undefined) {
    if (lacksEnd(halfMade)) await adoptMarker(deps, halfMade, key, marker);
    return;
  }
  let made: KubeObject;
  try {
    made = await deps.kube.create(BACKUP, backupOfMarker(marker, key), options);
  } catch (error) {
    if (isCoded(error, "KubeExists")) return;
    if (!isCoded(error, "KubeRejected")) throw error;
    // a spec that our schema does not take, such as one of a later Velero: the backup is listed all the same
    made = await deps.kube.create(BACKUP, bareBackupOfMarker(marker, key), options);
  }
  deps.live.put(made);
  await adoptMarker(deps, made as Live<"Backup">, key, marker);
  deps.log.info({ location: key.name, backup: marker.metadata.name }, "backup found in the bucket");
}

/** Gives a Backup the status that its marker tells. */
export async function adoptMarker(
  deps: SyncDeps,
  backup: Live<"Backup">,
  location: { readonly namespace: string; readonly name: string },
  marker: KubeObject,
): Promise<void> {
  const status = statusOfMarker(marker, location, backup, deps.clock.now());
  deps.live.put(await writeStatus(deps.kube, BACKUP, backup, status));
}

/** Removes the records of data that is gone, unless so many went that the location itself must be asked about. */
async function dropVanished(
  deps: SyncDeps,
  at: {
    readonly location: Live<"BackupStorageLocation">;
    readonly store: ObjectStore;
    readonly here: readonly Live<"Backup">[];
    readonly gone: readonly Live<"Backup">[];
    readonly dropped: number[];
  },
): Promise<SyncOutcome["held"]> {
  const { location, store, here, gone, dropped } = at;
  if (gone.length === 0) return undefined;
  const staying = here.filter(({ status }) => isRestorable(status?.phase)).length - gone.length;
  const hourAgo = deps.clock.monotonic() - HOUR_MS;
  const verdict = judgeDeletions(
    gone.map((backup) => ({ id: backup.metadata.name, kind: "Backup", uid: backup.metadata.uid ?? "" })),
    Array.from({ length: staying }, () => "Backup"),
    {
      recent: dropped.filter((droppedAt) => droppedAt > hourAgo).length,
      allowed: location.metadata.annotations?.[ALLOW_DELETIONS_ANNOTATION],
    },
  );
  if (verdict.type === "held") return { digest: verdict.digest, count: gone.length, why: verdict.why };
  for (const backup of gone) {
    // a LIST may have been slow, or have told an older state: only the marker itself says that it is gone
    if ((await store.head(backupKeys(backup.metadata.name).marker)) !== undefined) continue;
    await removeBackup(deps, backup, { reason: "DataMissing", message: "its data is gone from the location" });
    dropped.push(deps.clock.monotonic());
    deps.log.warn({ location: location.metadata.name, backup: backup.metadata.name }, "data of a backup is gone");
  }
  return undefined;
}

/** Removes the folders that dead runs of this cluster left without a marker. Others' folders are never touched. */
export async function cleanUnfinished(
  deps: SyncDeps,
  location: Live<"BackupStorageLocation">,
  store: ObjectStore,
): Promise<number> {
  const { cluster, clusterUid } = deps.installation;
  const nowMs = deps.clock.now();
  // these have had their marker: whoever deletes one goes on by itself
  const restorable = backupsIn(deps, location).filter(({ status }) => isRestorable(status?.phase));
  const finished = new Set(restorable.map(({ metadata }) => metadata.name));
  let cleaned = 0;
  for await (const { name, claim, modifiedMs } of listUnfinished(store, { only: (each) => !finished.has(each) })) {
    if (claim === undefined || claim.cluster !== cluster || claim.clusterUid !== clusterUid) continue;
    if (nowMs - Math.max(modifiedMs, Date.parse(claim.claimedAt)) < UNFINISHED_GRACE_MS) continue;
    const backup = deps.live.get("Backup", claim);
    if (backup?.status?.phase === "InProgress" && backup.status.run?.token === claim.token) continue;
    // looked at again right before: a marker or another claim means that somebody finished or took it
    const now = await readBackupClaim(store, name);
    if (now?.token !== claim.token || (await store.head(backupKeys(name).marker)) !== undefined) continue;
    await deleteBackup(store, name);
    deps.log.info({ backup: name }, "unfinished backup is cleaned up");
    cleaned++;
  }
  return cleaned;
}
