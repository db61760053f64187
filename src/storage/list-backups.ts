import { MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import type { KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { type BackupClaim, readBackupClaim } from "./claims.ts";
import { BACKUPS_PREFIX, backupKeys, isSegment } from "./layout.ts";
import { decodeMarker } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";

/** A backup as the bucket shows it: its marker is there. */
export interface ListedBackup {
  readonly name: string;
  /** `velero-backup.json`. */
  readonly backup: KubeObject;
  /** Absent on backups made by Velero. */
  readonly manifestSha256?: string;
}

/** Which backups, and what becomes of those that can't be read. */
export interface ListBackupsOptions {
  /** Which names to read; default all. A marker of ours never changes, so a sync need not read those it knows. */
  readonly only?: (name: string) => boolean;
  /** Told of a marker that is no Backup; the others are listed all the same. */
  readonly onUnreadable?: (name: string, error: unknown) => void;
  readonly signal?: AbortSignal;
}

/** Markers read at once: a bucket of ten thousand backups is latency, not bytes. */
const CONCURRENCY = 8;

/** Every backup of a location, by name. A folder without the marker is no backup and is not shown. */
export async function* listBackups(store: ObjectStore, options: ListBackupsOptions = {}): AsyncGenerator<ListedBackup> {
  const names = (await listFolders(store, options.signal)).filter(options.only ?? (() => true));
  for (let start = 0; start < names.length; start += CONCURRENCY) {
    const batch = names.slice(start, start + CONCURRENCY);
    const listed = await Promise.all(batch.map((name) => findBackup(store, name, options)));
    for (const backup of listed) if (backup !== undefined) yield backup;
  }
}

/** The folders below `backups/`, by name: backups, and what runs and dead runs have left. */
export async function listFolders(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const prefixes = await store.listPrefixes(BACKUPS_PREFIX, signal);
  return prefixes.map((prefix) => prefix.slice(0, -1)).filter(isSegment);
}

/** One backup by its name, by one request; undefined when it has no marker, or one that can't be read. */
export async function findBackup(
  store: ObjectStore,
  name: string,
  options: Pick<ListBackupsOptions, "onUnreadable" | "signal"> = {},
): Promise<ListedBackup | undefined> {
  const key = backupKeys(name).marker;
  try {
    const backup = decodeMarker(key, await readAll(await store.get(key, options.signal)));
    const manifestSha256 = backup.metadata.annotations?.[MANIFEST_SHA256_ANNOTATION];
    return { name, backup, ...(manifestSha256 !== undefined && { manifestSha256 }) };
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing")) return undefined;
    if (!isCoded(error, "ArchiveInvalid")) throw error;
    options.onUnreadable?.(name, error);
    return undefined;
  }
}

/** A folder of ours without a marker: its run is under way, or dead. */
export interface UnfinishedBackup {
  readonly name: string;
  /** Undefined when the claim itself can't be read. */
  readonly claim: BackupClaim | undefined;
  /** By the store's clock: when the claim was put, and when the folder was last written to. */
  readonly claimedMs: number;
  readonly modifiedMs: number;
}

/** Which folders are looked at: one known to be a backup costs a request to find out nothing. */
export interface ListUnfinishedOptions {
  readonly only?: (name: string) => boolean;
  readonly signal?: AbortSignal;
}

/** Folders with a claim and without a marker, by name; the clean-up decides by their age and their run. */
export async function* listUnfinished(
  store: ObjectStore,
  options: ListUnfinishedOptions = {},
): AsyncGenerator<UnfinishedBackup> {
  const names = (await listFolders(store, options.signal)).filter(options.only ?? (() => true));
  for (let start = 0; start < names.length; start += CONCURRENCY) {
    const batch = names.slice(start, start + CONCURRENCY);
    const looked = await Promise.all(batch.map((name) => lookUnfinished(store, name, options.signal)));
    for (const unfinished of looked) if (unfinished !== undefined) yield unfinished;
  }
}

async function lookUnfinished(
  store: ObjectStore,
  name: string,
  signal: AbortSignal | undefined,
): Promise<UnfinishedBackup | undefined> {
  const keys = backupKeys(name);
  if ((await store.head(keys.marker, signal)) !== undefined) return undefined;
  const claimed = await store.head(keys.claim, signal);
  if (claimed === undefined) return undefined;
  let modifiedMs = claimed.modifiedMs;
  for await (const file of store.list(keys.prefix, signal)) modifiedMs = Math.max(modifiedMs, file.modifiedMs);
  return { name, claim: await readableClaim(store, name, signal), claimedMs: claimed.modifiedMs, modifiedMs };
}

async function readableClaim(
  store: ObjectStore,
  name: string,
  signal: AbortSignal | undefined,
): Promise<BackupClaim | undefined> {
  try {
    return await readBackupClaim(store, name, signal);
  } catch (error) {
    if (isCoded(error, "ClaimUnreadable")) return undefined;
    throw error;
  }
}
