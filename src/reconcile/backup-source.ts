import type { ResolvedBackup } from "../api/kinds.generated.ts";
import { CodedError, isCoded } from "../errors.ts";
import { backupOfPolicy } from "../restore/backup-of-policy-plan.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation, findLocation, isAvailable } from "./locations.ts";
import type { AwaitedSource, OpenedSource } from "./restore-source.ts";

/**
 * Finds and opens the backup that a RestorePlan names. What was pinned stays pinned: the same name in the same location with
 * the same digest. @throws {BackupNotFound | DigestMismatch | InvalidSpec}
 */
export async function openBackupSource(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  pinned: ResolvedBackup | undefined,
): Promise<OpenedSource | AwaitedSource> {
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
      return awaitedLocation(location);
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

/** What is said while a location can't be reached. */
export function awaitedLocation({ metadata, status }: Live<"BackupStorageLocation">): AwaitedSource {
  const message = `location ${metadata.name} is not available: ${status?.message ?? "not tried yet"}`;
  return { reason: "AwaitingLocation", message };
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
  const policy = reader.manifest?.policy;
  return {
    name: reader.name,
    namespace: location.metadata.namespace ?? "",
    storageLocation: location.metadata.name,
    manifestSha256: reader.digest,
    ...(policy === undefined ? {} : { policy: policy.name, schedule: policy.schedule }),
  };
}
