import { MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import { sha256 } from "../api/digest.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { CodedError, isCoded } from "../errors.ts";
import { openHoldfastBackup } from "./holdfast-reader.ts";
import type { IndexRow } from "./index-row.ts";
import { backupKeys, isSegment } from "./layout.ts";
import { decodeManifest, type Manifest } from "./manifest.ts";
import { decodeMarker } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";
import { openVeleroBackup } from "./velero-reader.ts";

/** A backup opened for reading: ours by ranged reads, Velero's after one sequential read. Close it when done. */
export interface BackupReader {
  readonly name: string;
  /** `velero-backup.json`. */
  readonly backup: KubeObject;
  /** Undefined for a backup made by Velero. */
  readonly manifest: Manifest | undefined;
  /** SHA-256 of `holdfast.json`, or of `velero-backup.json` where Velero made it: what a plan digest pins. */
  readonly digest: string;
  /** Names such as `deployments.apps`, sorted; those of classic paths. */
  resources(): Promise<readonly string[]>;
  /** The rows of one resource by (namespace, name); of other than the preferred version only when asked. */
  rows(resource: string, options?: RowsOptions): AsyncIterable<IndexRow>;
  /** The row at the classic path, or undefined. Costs one ranged read of the index, or none when it was just read. */
  row(resource: string, key: ObjectKey): Promise<IndexRow | undefined>;
  /** The object's bytes, their digest compared. @throws {DigestMismatch, ArchiveTruncated, ArchiveInvalid} */
  read(row: IndexRow): Promise<Buffer>;
  /**
   * The bodies of many rows of this reader, in the order of their members: within a window of some thousand rows each
   * member is fetched and inflated once. A body shares its member's memory: copy what is kept beyond its turn.
   */
  readMany(rows: AsyncIterable<IndexRow> | Iterable<IndexRow>): AsyncIterable<RowBody>;
  /**
   * Reads the whole archive and compares its digest, as must be done before the first write to a cluster; of Velero's
   * backups this has happened before the first row. @throws {DigestMismatch, ArchiveTruncated, StoreObjectMissing}
   */
  verifyArchive(): Promise<void>;
  /** Files of a Velero archive that hold no readable object, known once rows were read; empty for ours. */
  problems(): Promise<readonly ItemProblem[]>;
  /** Lets go of temporary space. Idempotent. */
  close(): Promise<void>;
}

/** Which rows of a resource. */
export interface RowsOptions {
  /** `classic` (default): one row per object. `all`: version folders too, right after it. */
  readonly versions?: "classic" | "all";
  /** Only those in these namespaces; "" stands for cluster-scoped objects. Of the index only their part is read. */
  readonly within?: ReadonlySet<string> | undefined;
}

/** A row with its object's bytes. */
export interface RowBody {
  readonly row: IndexRow;
  readonly body: Buffer;
}

/** A file of an archive that is no object. */
export interface ItemProblem {
  readonly path: string;
  /** Of the path, or "" for cluster-scoped ones. */
  readonly namespace: string;
  readonly why: string;
}

/** How a backup is read. */
export interface OpenBackupOptions {
  readonly signal?: AbortSignal;
  /** Where the plain copy of a Velero archive stands while it is open; default the system's temporary folder. */
  readonly spoolDir?: string;
}

/**
 * Opens a backup that has its marker. Velero's archives are read only when the first row is asked for.
 * @throws {BackupNotFound} when there is none. @throws {BackupIncomplete} when only its claim is there.
 * @throws {DigestMismatch} when the manifest is not the one the marker names.
 */
export async function openBackup(
  store: ObjectStore,
  name: string,
  options: OpenBackupOptions = {},
): Promise<BackupReader> {
  if (!isSegment(name)) throw notFound(store, name);
  const keys = backupKeys(name);
  const marker = await readMarker(store, name, options.signal);
  const backup = decodeMarker(keys.marker, marker);
  const manifestSha256 = backup.metadata.annotations?.[MANIFEST_SHA256_ANNOTATION];
  if (manifestSha256 === undefined) {
    return openVeleroBackup(store, { name, backup, digest: sha256(marker) }, options);
  }
  const manifest = await readManifest(store, keys.manifest, manifestSha256, options.signal);
  return openHoldfastBackup(store, { name, backup, manifest, digest: manifestSha256 }, options);
}

/** The manifest of a backup of ours, compared with the digest that its marker names. */
export async function readManifest(
  store: ObjectStore,
  key: string,
  expected: string,
  signal?: AbortSignal,
): Promise<Manifest> {
  const bytes = await readAll(await store.get(key, signal));
  const actual = sha256(bytes);
  if (actual !== expected) {
    const message = `${key} is not the manifest that the backup's marker names: sha256 ${actual}, expected ${expected}`;
    throw new CodedError("DigestMismatch", { key, expected, actual }, message);
  }
  return decodeManifest(key, bytes);
}

async function readMarker(store: ObjectStore, name: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const keys = backupKeys(name);
  try {
    return await readAll(await store.get(keys.marker, signal));
  } catch (error) {
    if (!isCoded(error, "StoreObjectMissing")) throw error;
    if ((await store.head(keys.claim, signal)) === undefined) throw notFound(store, name, error);
    const message = `backup ${name} in ${store.location} was begun and never finished: it has a claim and no ${keys.marker}`;
    throw new CodedError("BackupIncomplete", { name }, message, { cause: error });
  }
}

function notFound(store: ObjectStore, name: string, cause?: unknown): CodedError {
  const message = `${store.location} has no backup ${JSON.stringify(name)}: list those it has with \`holdfast backup get\``;
  return new CodedError("BackupNotFound", { name, location: store.location }, message, { cause });
}
