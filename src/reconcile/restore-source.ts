import { PURPOSE_LABEL } from "../api/annotations.ts";
import type { ResolvedBackup, RestorePlanSpec } from "../api/kinds.generated.ts";
import { CodedError, isCoded } from "../errors.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation, findLocation, isAvailable } from "./locations.ts";

/** The backup a restore is of, opened. */
export interface OpenedSource {
  readonly resolved: ResolvedBackup;
  readonly reader: BackupReader;
  readonly location: Live<"BackupStorageLocation">;
  readonly store: ObjectStore;
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
  const name = pinned?.name ?? backupNameOf(deps, plan);
  if (name === undefined) {
    return { reason: "AwaitingBackup", message: "no Completed backup of the policy matches the source" };
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

/** `source.backupName`, or the newest good backup of the policy at `asOf`. */
function backupNameOf(deps: ReconcileDeps, plan: Live<"RestorePlan">): string | undefined {
  const { backupName, policy } = plan.spec.source;
  if (backupName !== undefined) return backupName;
  if (policy === undefined) {
    throw new CodedError(
      "InvalidSpec",
      { fields: ["spec.source"] },
      "source.undoOf is not supported yet: name a backup or a policy",
    );
  }
  return newestOf(deps, plan, policy);
}

function newestOf(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  policy: NonNullable<RestorePlanSpec["source"]["policy"]>,
): string | undefined {
  const key = { namespace: plan.metadata.namespace ?? "", name: policy.name };
  const asOf = policy.asOf === undefined || policy.asOf === "AtMerge" ? plan.metadata.creationTimestamp : policy.asOf;
  const latestMs = asOf === undefined ? Number.POSITIVE_INFINITY : Date.parse(asOf);
  const good = deps.live.backupsOf(key).filter(({ metadata, status }) => {
    if (metadata.labels?.[PURPOSE_LABEL] !== undefined) return false;
    const isGood =
      status?.phase === "Completed" || (policy.allowPartiallyFailed === true && status?.phase === "PartiallyFailed");
    const isOfSchedule = policy.schedule === undefined || status?.policy?.schedule === policy.schedule;
    return isGood && isOfSchedule && Date.parse(status?.completionTimestamp ?? "") <= latestMs;
  });
  const newest = good.sort((a, b) => completed(b) - completed(a))[0];
  return newest?.metadata.name;
}

function completed({ status }: Live<"Backup">): number {
  return Date.parse(status?.completionTimestamp ?? "") || 0;
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
