import { join } from "node:path";
import { parseJson } from "../api/json.ts";
import type { ResolvedBackup } from "../api/kinds.generated.ts";
import { keyOf } from "../api/object.ts";
import { CodedError, isCoded } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { restorePaths } from "../report/record-paths.ts";
import { backupOfPolicy } from "../restore/backup-of-policy-plan.ts";
import type { ObjectRecord } from "../restore/types.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation, findLocation, isAvailable } from "./locations.ts";
import { readSpool } from "./restore-spool.ts";

/** The backup a restore is of, opened. */
export interface OpenedSource {
  readonly resolved: ResolvedBackup;
  readonly reader: BackupReader;
  readonly location: Live<"BackupStorageLocation">;
  readonly store: ObjectStore;
  /** Only for an undo: what the run wrote, and the copies it made before. */
  readonly undo?: { readonly records: readonly ObjectRecord[]; readonly safety: BackupReader | undefined };
}

/** A source that can't be opened yet, although nothing is wrong with it. */
export interface AwaitedSource {
  readonly reason: "AwaitingLocation" | "AwaitingBackup";
  readonly message: string;
}

/**
 * Finds and opens the backup of a RestorePlan. What was pinned stays pinned: the same name in the same location with
 * the same digest. @throws {BackupNotFound | DigestMismatch | InvalidSpec}
 */
export async function openSource(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  pinned: ResolvedBackup | undefined,
): Promise<OpenedSource | AwaitedSource> {
  const { undoOf } = plan.spec.source;
  if (undoOf !== undefined) return await openUndo(deps, plan, undoOf);
  const name = pinned?.name ?? backupNameOf(deps, plan);
  if (name === undefined) {
    return { reason: "AwaitingBackup", message: "no Completed backup of the policy matches the source" };
  }
  if (plan.status?.phase !== "InProgress" && isDying(deps, plan, name)) {
    return { reason: "AwaitingBackup", message: `backup ${name} is being deleted` };
  }
  const locations = candidates(deps, plan, name, pinned);
  const tried: string[] = [];
  for (const location of locations) {
    if (!isAvailable(location)) {
      return {
        reason: "AwaitingLocation",
        message: `location ${location.metadata.name} is not available: ${location.status?.message ?? "not tried yet"}`,
      };
    }
    const store = await deps.open.store(location);
    tried.push(location.metadata.name);
    const reader = await openIfThere(deps, store, name);
    if (reader === undefined) continue;
    return { resolved: pin(reader, location, pinned), reader, location, store };
  }
  const where = tried.length === 0 ? "there is no location to look in" : `looked in ${tried.join(", ")}`;
  throw new CodedError("BackupNotFound", { name, location: tried.join(", ") }, `there is no backup ${name} (${where})`);
}

/** The safety backup of the run that is undone, or its own backup where it touched nothing that existed. */
async function openUndo(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  undoOf: string,
): Promise<OpenedSource | AwaitedSource> {
  const { namespace = "" } = plan.metadata;
  const undone = deps.live
    .list("RestorePlan")
    .find(({ metadata, status }) => metadata.namespace === namespace && status?.run?.id === undoOf);
  if (undone === undefined || !isEnded(undone.status?.phase)) {
    return { reason: "AwaitingBackup", message: `no restore in ${namespace} ended as run ${undoOf}` };
  }
  const records = await undoneRecords(deps, undone, undoOf);
  if (records === undefined) {
    return { reason: "AwaitingBackup", message: `the records of run ${undoOf} are neither on this disk nor in Git` };
  }
  const { safetyBackup, backup } = undone.status ?? {};
  const pinned = safetyBackup === undefined ? backup : undefined;
  const named = { ...plan, spec: { ...plan.spec, source: { backupName: safetyBackup ?? backup?.name ?? "" } } };
  const source = await openSource(deps, named, pinned);
  if ("reason" in source) return source;
  return { ...source, undo: { records, safety: safetyBackup === undefined ? undefined : source.reader } };
}

async function undoneRecords(
  deps: ReconcileDeps,
  undone: Live<"RestorePlan">,
  run: string,
): Promise<ObjectRecord[] | undefined> {
  const local = (await readSpool(join(deps.spoolDir, "restores", run))).objects;
  const text = local ?? (await deps.record.readFile(restorePaths(keyOf(undone), run).objects))?.toString("utf8");
  if (text === undefined) return undefined;
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseJson(line) as ObjectRecord);
}

/** `source.backupName`, or the newest good backup of the policy at `asOf`. */
function backupNameOf(deps: ReconcileDeps, plan: Live<"RestorePlan">): string | undefined {
  const { backupName, policy } = plan.spec.source;
  if (backupName !== undefined) return backupName;
  if (policy === undefined) return undefined;
  const { namespace = "", creationTimestamp } = plan.metadata;
  const mergedMs = creationTimestamp === undefined ? deps.clock.now() : Date.parse(creationTimestamp);
  const backups = deps.live.backupsOf({ namespace, name: policy.name });
  return backupOfPolicy(backups, { policy, namespace, mergedMs })?.metadata.name;
}

function isDying({ live, installation }: ReconcileDeps, plan: Live<"RestorePlan">, name: string): boolean {
  const reach = [plan.metadata.namespace ?? "", installation.namespace];
  return reach.some((namespace) => live.get("Backup", { namespace, name })?.status?.phase === "Deleting");
}

/** Where the backup may be: where it was pinned, where its Backup says, else every location in reach. */
function candidates(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  backup: string,
  pinned: ResolvedBackup | undefined,
): Live<"BackupStorageLocation">[] {
  const { namespace = "" } = plan.metadata;
  if (pinned?.storageLocation !== undefined) {
    const location = findLocation(deps, pinned.namespace ?? namespace, pinned.storageLocation);
    return location === undefined ? [] : [location];
  }
  const reach = [...new Set([namespace, deps.installation.namespace])];
  for (const place of reach) {
    const known = deps.live.get("Backup", { namespace: place, name: backup });
    const location = known && deps.live.get("BackupStorageLocation", dataLocation(deps, known));
    if (location !== undefined) return [location];
  }
  return deps.live
    .list("BackupStorageLocation")
    .filter(({ metadata }) => reach.includes(metadata.namespace ?? ""))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function openIfThere(deps: ReconcileDeps, store: ObjectStore, name: string): Promise<BackupReader | undefined> {
  try {
    return await openBackup(store, name, { spoolDir: deps.spoolDir });
  } catch (error) {
    if (isCoded(error, "BackupNotFound")) return undefined;
    throw error;
  }
}

function pin(
  reader: BackupReader,
  location: Live<"BackupStorageLocation">,
  pinned: ResolvedBackup | undefined,
): ResolvedBackup {
  if (pinned?.manifestSha256 !== undefined && pinned.manifestSha256 !== reader.digest) {
    throw new CodedError(
      "DigestMismatch",
      { key: reader.name, expected: pinned.manifestSha256, actual: reader.digest },
      `backup ${reader.name} is not the one this restore began with`,
    );
  }
  return {
    name: reader.name,
    namespace: location.metadata.namespace ?? "",
    storageLocation: location.metadata.name,
    manifestSha256: reader.digest,
  };
}
