import type { KindResource } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { keyOf } from "../api/object.ts";
import { compare, testResourceVersion } from "../api/patch.ts";
import type { KubeClient } from "../kube/client.ts";

/** Who writes: the field manager of every write of the loop. */
export const FIELD_MANAGER = "holdfast";

/**
 * Brings `status` of one object to the given value by one patch of the status subresource, guarded by the
 * resourceVersion `live` was read at; equal statuses write nothing. Returns the object as it stands afterwards.
 * Never touches `spec`. @throws {KubeConflict} when the object changed since it was read; @throws {KubeNotFound}
 */
export async function writeStatus<T extends KubeObject>(
  kube: KubeClient,
  kind: KindResource,
  live: T,
  status: object,
): Promise<T> {
  const changes = compare({ status: live.status }, { status });
  if (changes.length === 0) return live;
  const patch = { type: "json", operations: [testResourceVersion(live), ...changes] } as const;
  const options = { subresource: "status", fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;
  return (await kube.patch(kind, keyOf(live), patch, options)) as T;
}
