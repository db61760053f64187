/** What the cluster owns of an object is taken off before it is compared or written. */
import { STRIPPED_METADATA } from "../api/digest.ts";
import type { KubeObject, ObjectMeta } from "../api/object.ts";
import { at, recordsAt } from "./json-path.ts";

/** An object without what the cluster owns, and the parts that may be put back after it was created. */
export interface Stripped {
  /** Shares values with the source; `metadata` is a new object. */
  readonly object: KubeObject;
  readonly status: unknown;
  readonly managedFields: readonly unknown[];
}

/** Takes off status and server-set metadata: uid, resourceVersion, ownerReferences, managedFields and the like. */
export function stripServerFields(source: KubeObject): Stripped {
  const { status, metadata, ...rest } = source;
  const kept: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (!STRIPPED_METADATA.has(field)) kept[field] = value;
  }
  return {
    object: { ...rest, metadata: kept as ObjectMeta } as KubeObject,
    status,
    managedFields: metadata.managedFields ?? [],
  };
}

/**
 * The managed fields that a create must put back: server-side appliers prune by theirs, and node ports are told from
 * assigned ones by them. All other managers lose nothing when the server writes anew.
 */
export function managedFieldsToRestore(
  object: KubeObject,
  managedFields: readonly unknown[],
): readonly unknown[] | undefined {
  if (managedFields.length === 0) return undefined;
  if (managedFields.some(isApply)) return managedFields;
  return isServiceWithNodePorts(object) ? managedFields : undefined;
}

function isApply(entry: unknown): boolean {
  return (entry as { operation?: unknown } | null)?.operation === "Apply";
}

function isServiceWithNodePorts(object: KubeObject): boolean {
  if (object.kind !== "Service" || object.apiVersion !== "v1") return false;
  const ports = recordsAt(object, "spec", "ports");
  return [...ports.map((port) => port.nodePort), at(object, "spec", "healthCheckNodePort")].some(
    (port) => Number(port ?? 0) > 0,
  );
}
