/** Secrets as they may be shown: which keys there are, and how long their values, never the values. */
import type { KubeObject } from "../api/object.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** What stands for a value of a Secret's `data`, which is base64. */
export function withheldSize(value: unknown): string {
  return sizeText(Buffer.from(String(value), "base64").length);
}

/** The object, with the values of a Secret replaced by their sizes; any other kind comes back as it is. */
export function redactSecret(object: KubeObject): KubeObject {
  if (object.kind !== "Secret" || object.apiVersion !== "v1") return object;
  const { annotations } = object.metadata;
  return {
    ...object,
    ...redactedMap(object, "data", withheldSize),
    ...redactedMap(object, "stringData", (value) => sizeText(Buffer.byteLength(value))),
    metadata: {
      ...object.metadata,
      // kubectl keeps a copy of the whole Secret here
      ...(annotations?.[LAST_APPLIED] === undefined
        ? {}
        : { annotations: { ...annotations, [LAST_APPLIED]: "<redacted>" } }),
    },
  };
}

function redactedMap(object: KubeObject, field: string, standIn: (value: string) => string): Record<string, unknown> {
  const values = object[field];
  if (typeof values !== "object" || values === null) return {};
  return {
    [field]: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, standIn(String(value))])),
  };
}

function sizeText(bytes: number): string {
  return `<redacted, ${bytes} bytes>`;
}
