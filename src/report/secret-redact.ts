/** Secrets as they may be shown: which keys there are, and how long their values, never the values. */
import type { KubeObject } from "../api/object.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** The object, with the values of a Secret replaced by their sizes; any other kind comes back as it is. */
export function redactSecret(object: KubeObject): KubeObject {
  if (object.kind !== "Secret" || object.apiVersion !== "v1") return object;
  const { annotations } = object.metadata;
  return {
    ...object,
    ...redactedMap(object, "data", (value) => Buffer.from(value, "base64").length),
    ...redactedMap(object, "stringData", (value) => Buffer.byteLength(value)),
    metadata: {
      ...object.metadata,
      // kubectl keeps a copy of the whole Secret here
      ...(annotations?.[LAST_APPLIED] === undefined
        ? {}
        : { annotations: { ...annotations, [LAST_APPLIED]: "<redacted>" } }),
    },
  };
}

function redactedMap(object: KubeObject, field: string, sizeOf: (value: string) => number): Record<string, unknown> {
  const values = object[field];
  if (typeof values !== "object" || values === null) return {};
  return {
    [field]: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, `<redacted, ${sizeOf(String(value))} bytes>`]),
    ),
  };
}
