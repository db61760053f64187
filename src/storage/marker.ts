/** `velero-backup.json`: the Backup object as Velero stores it, and the last file of a backup. */

import { parseJson, stringifyJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";

/** The marker's bytes: two spaces of indentation and no newline at the end, as Velero's pretty serializer writes them. */
export function encodeMarker(backup: KubeObject): Buffer {
  return Buffer.from(escapeAsGo(stringifyJson(backup, 2)));
}

/** Go's encoder escapes what HTML gives a meaning to; such characters stand inside strings only. */
export function escapeAsGo(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Reads a marker, whoever wrote it; unknown fields stay. @throws {ArchiveInvalid} when it is no Backup of Velero's. */
export function decodeMarker(key: string, bytes: Uint8Array): KubeObject {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw invalid(key, "it is not JSON", error);
  }
  const backup = value as Partial<KubeObject> | null;
  if (backup?.apiVersion !== "velero.io/v1" || backup.kind !== "Backup")
    throw invalid(key, "it is not a velero.io/v1 Backup");
  if (typeof backup.metadata?.name !== "string") throw invalid(key, "it has no metadata.name");
  return backup as KubeObject;
}

function invalid(key: string, why: string, cause?: unknown): CodedError {
  return new CodedError("ArchiveInvalid", { key, why }, `${key} is not a backup's marker: ${why}`, { cause });
}
