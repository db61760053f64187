import { hash } from "node:crypto";
import { canonicalJson } from "./json.ts";
import type { KubeObject, ObjectMeta } from "./object.ts";

/** The rules a content digest was made by. Digests of different versions are never compared. */
export const CONTENT_DIGEST_VERSION = 1;

/** What a restore strips from metadata, and so what two equal objects may differ in. */
export const STRIPPED_METADATA: ReadonlySet<string> = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generateName",
  "selfLink",
  "ownerReferences",
  "managedFields",
]);

/** The two labels a restore puts on what it writes. */
export const BACKUP_NAME_LABEL = "velero.io/backup-name";
export const RESTORE_NAME_LABEL = "velero.io/restore-name";

/** Lower-case hex SHA-256 of bytes or UTF-8 text. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data); // one shot: for small objects twice as fast as a Hash object
}

/** SHA-256 of canonical JSON. Shape: 64 hex digits. */
export function jsonDigest(value: unknown): string {
  return sha256(canonicalJson(value));
}

/**
 * Digest of what a restore would bring back: canonical JSON without `status`, without what a restore strips from
 * metadata, and without the two restore labels. Equal digests mean: restoring one over the other changes nothing.
 */
export function contentDigest(object: KubeObject): string {
  return jsonDigest(contentOf(object));
}

/** The part of an object that `contentDigest` is over. */
export function contentOf(object: KubeObject): Record<string, unknown> {
  const { status: _status, metadata, ...rest } = object;
  return { ...rest, metadata: strippedMetadata(metadata) };
}

function strippedMetadata(metadata: ObjectMeta): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (!STRIPPED_METADATA.has(field)) kept[field] = value;
  }
  if (metadata.labels !== undefined) {
    const labels = Object.entries(metadata.labels).filter(
      ([name]) => name !== BACKUP_NAME_LABEL && name !== RESTORE_NAME_LABEL,
    );
    if (labels.length === 0) delete kept.labels;
    else kept.labels = Object.fromEntries(labels);
  }
  return kept;
}
