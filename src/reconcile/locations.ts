import { locationDefaults } from "../api/defaults.ts";
import type { ObjectKey } from "../api/object.ts";
import type { Installation } from "./deps.ts";
import type { Live, LiveObjects } from "./live-objects.ts";

interface Where {
  readonly live: LiveObjects;
  readonly installation: Installation;
}

/**
 * The location that a name in `namespace` means: one of that namespace, else one of Holdfast's own. Without a name, the
 * default one, or the only one. Undefined when there is none.
 */
export function findLocation(
  { live, installation }: Where,
  namespace: string,
  name: string | undefined,
): Live<"BackupStorageLocation"> | undefined {
  for (const candidate of new Set([namespace, installation.namespace])) {
    const found =
      name === undefined
        ? defaultLocation(live, candidate)
        : live.get("BackupStorageLocation", { namespace: candidate, name });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The default location of one namespace, or its only one. */
function defaultLocation(live: LiveObjects, namespace: string): Live<"BackupStorageLocation"> | undefined {
  const locations = live.list("BackupStorageLocation").filter(({ metadata }) => metadata.namespace === namespace);
  const defaults = locations.filter(({ spec }) => locationDefaults(spec).default);
  if (defaults.length > 0) return defaults.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
  return locations.length === 1 ? locations[0] : undefined;
}

/** Where the data of a backup is; where the location is gone, the place it would have in Holdfast's namespace. */
export function dataLocation({ live, installation }: Where, backup: Live<"Backup">): ObjectKey {
  const name = backup.status?.storageLocation ?? backup.spec.storageLocation;
  const found = findLocation({ live, installation }, backup.metadata.namespace ?? "", name);
  return {
    namespace: found?.metadata.namespace ?? installation.namespace,
    name: found?.metadata.name ?? name ?? "default",
  };
}

/** True when the location was tried and works. */
export function isAvailable(location: Live<"BackupStorageLocation">): boolean {
  return location.status?.phase === "Available";
}

/** True when nothing under `backups/` may change there. */
export function isReadOnly(location: Live<"BackupStorageLocation">): boolean {
  return locationDefaults(location.spec).accessMode === "ReadOnly";
}
