import type { Readable } from "node:stream";

/**
 * Where backups live: a flat space of keys, such as `backups/a/velero-backup.json`, below one location's prefix. One
 * contract suite (`object-store.contract.ts`) holds for every implementation.
 */
export interface ObjectStore {
  /** For messages: `s3://bucket/prefix` or `file:///path`, never with credentials. */
  readonly location: string;
  /**
   * Writes a whole object, visible only when complete. With `ifAbsent` an existing key is left alone and answered
   * `exists`, also where a multipart upload completes. An upload that fails leaves nothing behind.
   * @throws {StoreUnreachable, StoreAuth, StoreReadOnly, StoreFull, StoreBucketMissing}
   */
  put(key: string, body: Uint8Array | Readable, options?: PutOptions): Promise<PutOutcome>;
  /** The whole object as a stream. @throws {StoreObjectMissing} */
  get(key: string, signal?: AbortSignal): Promise<Readable>;
  /** Exactly `length` bytes from `offset`. @throws {StoreObjectMissing, ArchiveTruncated} when there are fewer. */
  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Buffer>;
  /** Size and time, or undefined when there is no such object. */
  head(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined>;
  /** Every object whose key starts with `prefix`, sorted by key (UTF-8 byte order). */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectStat>;
  /** The next path segments below `prefix` (which ends with `/` or is ""), sorted, each with its trailing `/`. */
  listPrefixes(prefix: string, signal?: AbortSignal): Promise<string[]>;
  /** Idempotent: a missing key is no error. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** Ends unfinished multipart uploads (or temporary files) of exactly this key; returns how many there were. */
  abortUploads(key: string, signal?: AbortSignal): Promise<number>;
}

export interface PutOptions {
  readonly ifAbsent?: boolean;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export type PutOutcome = { readonly type: "created" } | { readonly type: "exists" };

export interface ObjectStat {
  readonly key: string;
  readonly sizeBytes: number;
  /** ms since the epoch, as the store says. */
  readonly modifiedMs: number;
  /** Object Lock: until when the store refuses to delete it, ms since the epoch; `Infinity` under a legal hold. */
  readonly lockedUntilMs?: number;
}
