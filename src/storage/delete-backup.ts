import { backupKeys, restoreKeys } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";

/** What a deletion removed. */
export interface DeletedBackup {
  readonly files: number;
  /** Unfinished uploads that were ended. */
  readonly uploads: number;
}

/** What a deletion is told, and tells. */
export interface DeleteOptions {
  readonly signal?: AbortSignal;
  /** Called after each file that was deleted, in order. */
  readonly onDeleted?: (key: string) => void;
}

/**
 * Deletes a backup's folder: ends its uploads, then the marker (from then on it is no backup), the manifest, the rest,
 * and the claim last, so that an interrupted deletion is found again as an unfinished folder. Idempotent.
 */
export async function deleteBackup(
  store: ObjectStore,
  name: string,
  { signal, onDeleted }: DeleteOptions = {},
): Promise<DeletedBackup> {
  const keys = backupKeys(name);
  const uploads = await abortAll(store, name, signal);
  const present = new Set<string>();
  for await (const { key } of store.list(keys.prefix, signal)) present.add(key);
  const ends = [keys.marker, keys.manifest, keys.claim];
  const rest = [...present].filter((key) => !ends.includes(key));
  for (const key of [keys.marker, keys.manifest, ...rest, keys.claim]) {
    if (!present.has(key)) continue;
    await store.delete(key, signal);
    onDeleted?.(key);
  }
  return { files: present.size, uploads };
}

/** Deletes the records of one restore's run; claims, which lie elsewhere, are never touched. Idempotent. */
export async function deleteRestoreRecords(store: ObjectStore, run: string, signal?: AbortSignal): Promise<number> {
  const present: string[] = [];
  for await (const { key } of store.list(restoreKeys(run).prefix, signal)) present.push(key);
  for (const key of present) await store.delete(key, signal);
  return present.length;
}

/** A listing shows no unfinished upload, so every key that a run may have begun is asked for. */
async function abortAll(store: ObjectStore, name: string, signal: AbortSignal | undefined): Promise<number> {
  const { prefix: _prefix, ...keys } = backupKeys(name);
  let uploads = 0;
  for (const key of Object.values(keys)) uploads += await store.abortUploads(key, signal);
  return uploads;
}
