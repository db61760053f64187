/** Objects that a restored one needs and the backup does not hold: told as a warning, as Velero tells it. */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { relatedToPod } from "./kinds/pod.ts";
import { volumeOfClaim } from "./kinds/volume.ts";
import type { ItemPlace } from "./plan.ts";
import { PRIORITY_CLASSES } from "./related.ts";
import type { RestoreSession } from "./session.ts";
import type { MissingRelated } from "./types.ts";

/** What this object needs that is not in the backup. */
export async function missingRelated(
  session: RestoreSession,
  place: ItemPlace,
  archived: KubeObject,
): Promise<MissingRelated[]> {
  const missing: MissingRelated[] = [];
  for (const [resource, key] of needs(place, archived)) {
    if (key.name === "" || (await session.request.backup.row(resource, key)) !== undefined) continue;
    const message = `${resource} ${formatKey(key)}, which ${place.kind} ${formatKey(place.source)} needs, is not in the backup`;
    missing.push({ namespace: key.namespace === "" ? "" : place.target.namespace, message });
  }
  return missing;
}

function needs(place: ItemPlace, archived: KubeObject): [string, ObjectKey][] {
  if (place.resource === "persistentvolumeclaims")
    return [["persistentvolumes", { namespace: "", name: volumeOfClaim(archived) }]];
  if (place.resource !== "pods") return [];
  const { claims, priorityClass } = relatedToPod(archived);
  const { namespace } = place.source;
  return [
    ...claims.map((name): [string, ObjectKey] => ["persistentvolumeclaims", { namespace, name }]),
    [PRIORITY_CLASSES, { namespace: "", name: priorityClass }],
  ];
}
