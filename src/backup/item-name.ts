import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";

/** `namespace/name` of an object given as bytes; "" in front of the slash where it is cluster-scoped. */
export function nameOfItem(body: Uint8Array): string {
  const { metadata } = parseJson(body) as KubeObject;
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
