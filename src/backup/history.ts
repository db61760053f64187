/** Follows one object through all backups of a location. */
import type { ObjectKey } from "../api/object.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { FieldChange } from "../report/plan.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import { compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { listBackups } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { objectChanges } from "./compare.ts";

/** One backup's word about the object. */
export interface HistoryEntry {
  readonly backup: string;
  /** RFC 3339: when the backup began. */
  readonly started: string;
  /**
   * `absent`: it is not in the backup. `first`, `changed`, `same`: against the last backup that had it. `unreadable`:
   * the backup is damaged, and nobody knows.
   */
  readonly type: "absent" | "first" | "changed" | "same" | "unreadable";
  /** Digest of the content; undefined where it is absent. */
  readonly content?: string;
  readonly changes?: readonly FieldChange[];
  /** What is wrong with it, where it is unreadable. */
  readonly message?: string;
}

/** The object of a history. */
export interface FollowedObject {
  readonly key: ObjectKey;
  /** Its resource as this backup has it; undefined where the backup holds none of the kind. */
  readonly resourceIn: (reader: BackupReader) => Promise<string | undefined>;
}

/** Every backup in order of its start; index rows are read first, and bodies only where the content changed. */
export async function* objectHistory(
  store: ObjectStore,
  followed: FollowedObject,
  signal?: AbortSignal,
): AsyncGenerator<HistoryEntry> {
  const options = signal === undefined ? {} : { signal };
  let last: Version | undefined;
  for (const { name, started } of await backupsByStart(store, options)) {
    const identity = { backup: name, started };
    try {
      const version = await versionIn(store, name, followed, { ...options, last });
      yield { ...identity, ...stepFrom(last, version) };
      if (version !== undefined && version.row.content !== last?.row.content) last = version;
    } catch (error) {
      if (!isDamage(error)) throw error;
      yield { ...identity, type: "unreadable", message: messageOf(error) };
    }
  }
}

/** The object in one backup; its body is read only where it differs from the last one. */
async function versionIn(
  store: ObjectStore,
  name: string,
  { key, resourceIn }: FollowedObject,
  { last, ...options }: { readonly signal?: AbortSignal; readonly last: Version | undefined },
): Promise<Version | undefined> {
  const reader = await openBackup(store, name, options);
  try {
    const resource = await resourceIn(reader);
    const row = resource === undefined ? undefined : await reader.row(resource, key);
    if (row === undefined) return undefined;
    return { row, body: last?.row.content === row.content ? last.body : await reader.read(row) };
  } finally {
    await reader.close();
  }
}

/** What is wrong with one backup says nothing about the others. */
function isDamage(error: unknown): boolean {
  return (
    error instanceof CodedError &&
    (/^(?:Archive|Backup)/.test(error.code) || isCoded(error, "DigestMismatch") || isCoded(error, "StoreObjectMissing"))
  );
}

interface Version {
  readonly row: IndexRow;
  readonly body: Buffer;
}

function stepFrom(
  last: Version | undefined,
  next: Version | undefined,
): Pick<HistoryEntry, "type" | "content" | "changes"> {
  if (next === undefined) return { type: "absent" };
  const { content } = next.row;
  if (last === undefined) return { type: "first", content };
  if (last.row.content === content) return { type: "same", content };
  return { type: "changed", content, changes: objectChanges(last.body, next.body) };
}

async function backupsByStart(
  store: ObjectStore,
  options: { readonly signal?: AbortSignal },
): Promise<{ readonly name: string; readonly started: string }[]> {
  const backups: { name: string; started: string }[] = [];
  for await (const { name, backup } of listBackups(store, options)) {
    const status = backup.status as { readonly startTimestamp?: string } | undefined;
    backups.push({ name, started: status?.startTimestamp ?? backup.metadata.creationTimestamp ?? "" });
  }
  return backups.sort((a, b) => compareUtf8(a.started, b.started) || compareUtf8(a.name, b.name));
}
