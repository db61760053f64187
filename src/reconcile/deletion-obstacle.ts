import type { ConditionReason } from "../api/conditions.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import { backupKeys } from "../storage/layout.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { dataLocation, isAvailable, isReadOnly } from "./locations.ts";
import { userOf } from "./retention-input.ts";

/** Velero's words for why its garbage collection could not delete: the values of `holdfast.dev/gc-failure`. */
export type GcFailure = "BSLNotFound" | "BSLCannotGet" | "BSLReadOnly";

/** Why a backup can't be deleted now. */
export interface Obstacle {
  readonly reason: ConditionReason;
  readonly message: string;
  /** Where the location is the obstacle. */
  readonly gcFailure?: GcFailure;
  /** Where only giving up the data helps: `--force` does. */
  readonly isForcible?: true;
}

/** The store that holds a backup's data, or what stands in the way of deleting it. */
export type Deletable =
  | { readonly type: "free"; readonly store: ObjectStore }
  | { readonly type: "blocked"; readonly obstacle: Obstacle };

/** Finds out whether a backup's data can be deleted now: asks before anything is written, so that nothing is half gone. */
export async function deletableNow(deps: ReconcileDeps, backup: Live<"Backup">): Promise<Deletable> {
  const { name } = backup.metadata;
  const key = dataLocation(deps, backup);
  const location = deps.live.get("BackupStorageLocation", key);
  if (location === undefined) {
    const message = `location ${key.namespace}/${key.name} is gone: make it again, or give the data up with holdfast backup delete --force`;
    return blocked({ reason: "LocationMissing", message, gcFailure: "BSLNotFound", isForcible: true });
  }
  if (isReadOnly(location)) {
    const message = `location ${key.name} is ReadOnly`;
    return blocked({ reason: "LocationReadOnly", message, gcFailure: "BSLReadOnly" });
  }
  if (!isAvailable(location)) {
    const message = `location ${key.name} is not available: ${location.status?.message ?? "not tried yet"}`;
    return blocked({ reason: "LocationUnavailable", message, gcFailure: "BSLCannotGet", isForcible: true });
  }
  const user = userOf(deps.live, name);
  if (user !== undefined) return blocked({ reason: "InUse", message: `RestorePlan ${user} restores from it` });
  try {
    const store = await deps.open.store(location);
    const locked = await lockOf(store, name, deps.clock.now());
    return locked === undefined ? { type: "free", store } : blocked(locked);
  } catch (error) {
    return blocked(unreachable(key.name, error));
  }
}

/** A location that failed while it was asked, or while something was deleted there. */
export function unreachable(location: string, error: unknown): Obstacle {
  const message = `location ${location}: ${messageOf(error)}`;
  const isGone = isCoded(error, "StoreBucketMissing");
  const gcFailure = isCoded(error, "StoreReadOnly") ? "BSLReadOnly" : "BSLCannotGet";
  return { reason: "LocationUnavailable", message, gcFailure, ...(isGone ? { isForcible: true } : {}) };
}

/** What Object Lock says of the files: nothing goes before all of them may, or a part of a backup would be left. */
async function lockOf(store: ObjectStore, backup: string, nowMs: number): Promise<Obstacle | undefined> {
  const keys: string[] = [];
  for await (const { key } of store.list(backupKeys(backup).prefix)) keys.push(key);
  const heads = await Promise.all(keys.map((key) => store.head(key)));
  const lockedUntilMs = Math.max(0, ...heads.map((head) => head?.lockedUntilMs ?? 0));
  if (lockedUntilMs <= nowMs) return undefined;
  const until = Number.isFinite(lockedUntilMs)
    ? `until ${rfc3339(lockedUntilMs)}: it is deleted after that`
    : "by a legal hold, until somebody lifts it";
  return { reason: "ObjectLocked", message: `Object Lock keeps it ${until}` };
}

function blocked(obstacle: Obstacle): Deletable {
  return { type: "blocked", obstacle };
}
