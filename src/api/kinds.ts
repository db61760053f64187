/** The kinds Holdfast serves: their names in the API, and which may stand in Git. */
import type { Kinds } from "./kinds.generated.ts";
import type { GroupVersionResource } from "./object.ts";

export const GROUP = "holdfast.dev";
export const VERSION = "v1alpha1";
/** What stands in `apiVersion`. */
export const API_VERSION: `${typeof GROUP}/${typeof VERSION}` = `${GROUP}/${VERSION}`;

export type KindName = keyof Kinds;

/** One of our kinds: where it is served and what it is called. */
export interface KindResource<K extends KindName = KindName> extends GroupVersionResource {
  readonly kind: K;
}

export const BACKUP: KindResource<"Backup"> = kindResource("Backup", "backups");
export const BACKUP_POLICY: KindResource<"BackupPolicy"> = kindResource("BackupPolicy", "backuppolicies");
export const BACKUP_STORAGE_LOCATION: KindResource<"BackupStorageLocation"> = kindResource(
  "BackupStorageLocation",
  "backupstoragelocations",
);
export const GIT_SOURCE: KindResource<"GitSource"> = kindResource("GitSource", "gitsources");
export const RESTORE_PLAN: KindResource<"RestorePlan"> = kindResource("RestorePlan", "restoreplans");

/** Every kind of ours, in the order Git is applied: what others refer to comes first. */
export const KINDS: readonly KindResource[] = [
  GIT_SOURCE,
  BACKUP_STORAGE_LOCATION,
  BACKUP_POLICY,
  BACKUP,
  RESTORE_PLAN,
];

/** The kinds that may stand in Git. */
export const GIT_KINDS: readonly KindResource[] = KINDS.filter(({ kind }) => kind !== "GitSource");

/** The kind of ours with this name. */
export function kindByName(kind: string): KindResource | undefined {
  return KINDS.find((resource) => resource.kind === kind);
}

function kindResource<K extends KindName>(kind: K, resource: string): KindResource<K> {
  return { group: GROUP, version: VERSION, resource, kind };
}
