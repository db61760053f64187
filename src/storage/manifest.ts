/** `holdfast.json`: what a backup consists of. Its digest stands in the marker, so that one chain reaches every byte. */

import { parseJson } from "../api/json.ts";
import { CodedError } from "../errors.ts";

/** Goes up when an older reader could no longer read a backup right. */
export const FORMAT_VERSION = 1;

/** A file of the backup's folder; the claim, the manifest and the marker are not listed. */
export interface ManifestFile {
  /** The key's last segment. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** One gzip member of the index, opened by the position of its first row. */
export interface IndexMember {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Offset and length in bytes in `holdfast-index.jsonl.gz`, and the digest of those bytes. */
  readonly offset: number;
  readonly length: number;
  readonly rows: number;
  readonly sha256: string;
}

/** One LIST that the backup was made from. */
export interface ListRecord {
  readonly resource: string;
  readonly version: string;
  /** "" for a LIST over all namespaces. */
  readonly namespace: string;
  readonly resourceVersion: string;
  /** RFC 3339, UTC: when the first page came. */
  readonly time: string;
  readonly items: number;
}

/** The whole manifest. */
export interface Manifest {
  readonly formatVersion: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly backup: string;
  readonly cluster: string;
  /** UID of the namespace `kube-system`. */
  readonly clusterUid: string;
  /** Of the Backup object. */
  readonly namespace: string;
  readonly policy?: ManifestPolicy;
  /** The resource policy that the spec names; absent where it names none, and in backups of before it was recorded. */
  readonly resourcePolicy?: ManifestResourcePolicy;
  /** The volume policies that held for every backup, behind those of `resourcePolicy`. */
  readonly globalVolumePolicies?: ManifestResourcePolicy;
  readonly startTimestamp: string;
  readonly completionTimestamp: string;
  /** The rules that `content` of the rows was made by; see `CONTENT_DIGEST_VERSION`. */
  readonly contentDigestVersion: number;
  readonly counts: ManifestCounts;
  readonly lists: readonly ListRecord[];
  readonly files: readonly ManifestFile[];
  readonly index: readonly IndexMember[];
}

/** The policy that asked for the backup. */
export interface ManifestPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly schedule: string;
  /** The Git commit that last changed the policy, where it came from Git. */
  readonly revision?: string;
}

/** A ConfigMap with a resource policy, and what it said when the backup was made. */
export interface ManifestResourcePolicy {
  readonly namespace: string;
  readonly name: string;
  /** The policy as JSON, in Velero's format. */
  readonly content: Readonly<Record<string, unknown>>;
}

/** How many objects, in all and per resource; and what the results hold. */
export interface ManifestCounts {
  readonly items: number;
  readonly resources: Readonly<Record<string, number>>;
  readonly warnings: number;
  readonly errors: number;
}

/**
 * The manifest's bytes: JSON, one line per field and per row of its tables, so that it is both small and readable.
 * Deterministic.
 */
export function encodeManifest(manifest: Manifest): Buffer {
  const { lists, files, index, ...head } = manifest;
  const fields = Object.entries(head)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  for (const [name, rows] of Object.entries({ lists, files, index })) fields.push(`"${name}": ${table(rows)}`);
  return Buffer.from(`{\n${fields.join(",\n")}\n}\n`);
}

function table(rows: readonly object[]): string {
  return rows.length === 0 ? "[]" : `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]`;
}

/**
 * Reads the bytes of a `holdfast.json`, whose digest the caller has compared.
 * @throws {BackupFormatUnknown} when a newer Holdfast wrote it. @throws {ArchiveInvalid} when it is no manifest.
 */
export function decodeManifest(key: string, bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw invalid(key, "it is not JSON", error);
  }
  if (typeof value !== "object" || value === null) throw invalid(key, "it is not an object");
  const manifest = value as Partial<Manifest>;
  if (typeof manifest.formatVersion !== "number") throw invalid(key, "it has no formatVersion");
  if (manifest.formatVersion > FORMAT_VERSION) {
    throw new CodedError(
      "BackupFormatUnknown",
      { key, version: manifest.formatVersion },
      `${key} has format version ${manifest.formatVersion}, this Holdfast reads up to ${FORMAT_VERSION}: use a newer Holdfast`,
    );
  }
  for (const field of ["lists", "files", "index"] as const) {
    if (!Array.isArray(manifest[field])) throw invalid(key, `${field} is not a list`);
  }
  if (typeof manifest.counts?.resources !== "object") throw invalid(key, "it has no counts");
  return manifest as Manifest;
}

function invalid(key: string, why: string, cause?: unknown): CodedError {
  return new CodedError("ArchiveInvalid", { key, why }, `${key} is not a manifest: ${why}`, { cause });
}
