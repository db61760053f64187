/** Which live objects a plan writes to: what a safety backup must hold. */
import type { PlannedItem, TouchedObject } from "./types.ts";

/** The object that a planned item will write or end; undefined where it writes nothing or makes a new one. */
export function touchedBy(item: PlannedItem): TouchedObject | undefined {
  const { action, resource, namespace, name } = item.entry;
  if (action !== "patch" && action !== "labelsOnly" && action !== "recreate" && action !== "delete") return undefined;
  return { resource, key: { namespace, name } };
}
