/** Follows one object through all backups of a location. */
import type { ObjectKey } from "../api/object.ts";
import type { FieldChange } from "../report/plan.ts";
import { openBackup } from "../storage/backup-reader.ts";
import { compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { listBackups } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { objectChanges } from "./compare.ts";

/** One backup's word about the object. */
export interface HistoryEntry {
  readonly backup: string;
  /** RFC 3339: when the backup began. */
  readonly started: string;
  /** `absent`: it is not in the backup. `first`, `changed`, `same`: against the last backup that had it. */
  readonly type: "absent" | "first" | "changed" | "same";
  /** Digest of the content; undefined where it is absent. */
  readonly content?: string;
  readonly changes?: readonly FieldChange[];
}

/** Every backup in order of its start; index rows are read first, and bodies only where the content changed. */
export async function* objectHistory(
  store: ObjectStore,
  resource: string,
  key: ObjectKey,
  signal?: AbortSignal,
): AsyncGenerator<HistoryEntry> {
  const options = signal === undefined ? {} : { signal };
  let last: Version | undefined;
  for (const { name, started } of await backupsByStart(store, options)) {
    const reader = await openBackup(store, name, options);
    try {
      const row = await reader.row(resource, key);
      const identity = { backup: name, started };
      if (row === undefined) yield { ...identity, type: "absent" };
      else if (last?.row.content === row.content) yield { ...identity, type: "same", content: row.content };
      else {
        const version = { row, body: await reader.read(row) };
        yield { ...identity, content: row.content, ...stepFrom(last, version) };
        last = version;
      }
    } finally {
      await reader.close();
    }
  }
}

interface Version {
  readonly row: IndexRow;
  readonly body: Buffer;
}

function stepFrom(last: Version | undefined, next: Version): Pick<HistoryEntry, "type" | "changes"> {
  return last === undefined ? { type: "first" } : { type: "changed", changes: objectChanges(last.body, next.body) };
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
