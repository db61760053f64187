import type { KubeObject, ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { IndexRow } from "./index-row.ts";
import type { Manifest } from "./manifest.ts";
import type { ObjectStore } from "./object-store.ts";

/** A backup opened for reading: ours by ranged reads, Velero's after one sequential read. Close it when done. */
export interface BackupReader {
  readonly name: string;
  /** `velero-backup.json`. */
  readonly backup: KubeObject;
  /** Undefined for a backup made by Velero. */
  readonly manifest: Manifest | undefined;
  /** SHA-256 of `holdfast.json`, or of `velero-backup.json` where Velero made it: what a plan digest pins. */
  readonly digest: string;
  /** Names such as `deployments.apps`, sorted. */
  resources(): Promise<readonly string[]>;
  /** The rows of one resource by (namespace, name); of other than the preferred version only when asked. */
  rows(resource: string, options?: RowsOptions): AsyncIterable<IndexRow>;
  /** The row at the classic path, or undefined. Costs one ranged read of the index, or none when it was just read. */
  row(resource: string, key: ObjectKey): Promise<IndexRow | undefined>;
  /** The object's bytes, their digest compared. @throws {DigestMismatch, ArchiveTruncated, ArchiveInvalid} */
  read(row: IndexRow): Promise<Buffer>;
  /**
   * The bodies of many rows of this reader, in the order of their members: within a window of some thousand rows each
   * member is fetched and inflated once.
   */
  readMany(rows: AsyncIterable<IndexRow> | Iterable<IndexRow>): AsyncIterable<RowBody>;
  /** Reads the whole archive and compares it; of Velero's backups this has happened before the first row. */
  verifyArchive(): Promise<void>;
  /** Files of a Velero archive that hold no readable object, known once rows were read; empty for ours. */
  problems(): Promise<readonly ItemProblem[]>;
  /** Lets go of temporary space. Idempotent. */
  close(): Promise<void>;
}

export interface RowsOptions {
  /** `classic` (default): one row per object. `all`: version folders too, right after it. */
  readonly versions?: "classic" | "all";
}

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

export interface OpenBackupOptions {
  readonly signal?: AbortSignal;
  /** Where the plain copy of a Velero archive stands while it is open; default the system's temporary folder. */
  readonly spoolDir?: string;
}

/**
 * Opens a backup that has its marker.
 * @throws {BackupNotFound} when there is none. @throws {BackupIncomplete} when only its claim is there.
 * @throws {DigestMismatch} when the manifest is not the one the marker names.
 */
export async function openBackup(
  _store: ObjectStore,
  _name: string,
  _options: OpenBackupOptions = {},
): Promise<BackupReader> {
  throw new CodedError("Internal", { detail: "backup reader" }, "not built yet");
}
