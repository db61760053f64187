import { hash } from "node:crypto";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { BackupReader, OpenBackupOptions, RowBody, RowsOptions } from "./backup-reader.ts";
import { compareUtf8, type IndexRow } from "./index-row.ts";
import { backupKeys } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import type { TableRow } from "./row-table.ts";
import { type Spool, spoolArchive } from "./velero-spool.ts";

/** What is known of a Velero backup from its marker. */
export interface VeleroBackup {
  readonly name: string;
  readonly backup: KubeObject;
  readonly digest: string;
}

/** Bodies read from the spool at once: each read is a trip to the thread pool. */
const BATCH_ROWS = 64;
const BATCH_BYTES = 4 * 1024 * 1024;

/** A reader that spools the archive, whole and checked, when the first row is asked for. */
export function openVeleroBackup(store: ObjectStore, opened: VeleroBackup, options: OpenBackupOptions): BackupReader {
  const key = backupKeys(opened.name).archive;
  let spooling: Promise<Spool> | undefined;

  function spool(): Promise<Spool> {
    spooling ??= spoolArchive(store, key, {
      ...(options.signal && { signal: options.signal }),
      ...(options.spoolDir !== undefined && { dir: options.spoolDir }),
    });
    return spooling;
  }

  async function* rows(resource: string, { versions = "classic", within }: RowsOptions = {}): AsyncGenerator<IndexRow> {
    const table = (await spool()).tables.get(resource);
    for (const row of table?.sorted() ?? []) {
      if (row.versionFolder !== "" && versions !== "all") continue;
      if (within?.has(row.namespace) !== false) yield toIndexRow(resource, row);
    }
  }

  async function read(row: IndexRow): Promise<Buffer> {
    const body = await (await spool()).read(row.offset, row.length);
    const actual = hash("sha256", body, "hex");
    if (actual === row.sha256) return body;
    const message = `the temporary copy of ${key} changed while it was read`;
    throw new CodedError("DigestMismatch", { key, expected: row.sha256, actual }, message);
  }

  async function* readMany(wanted: AsyncIterable<IndexRow> | Iterable<IndexRow>): AsyncGenerator<RowBody> {
    for await (const batch of batches(wanted)) {
      yield* await Promise.all(batch.map(async (row) => ({ row, body: await read(row) })));
    }
  }

  return {
    ...opened,
    manifest: undefined,
    resources: async () =>
      [...(await spool()).tables]
        .filter(([, table]) => table.classic > 0)
        .map(([resource]) => resource)
        .sort(compareUtf8),
    rows,
    row: async (resource, position) => {
      const found = (await spool()).tables.get(resource)?.find(position.namespace, position.name, "");
      return found === undefined ? undefined : toIndexRow(resource, found);
    },
    read,
    readMany,
    verifyArchive: async () => void (await spool()),
    problems: async () => (await spool()).problems,
    close: async () => {
      const made = await spooling?.catch(() => undefined);
      await made?.close();
    },
  };
}

async function* batches(rows: AsyncIterable<IndexRow> | Iterable<IndexRow>): AsyncGenerator<IndexRow[]> {
  let batch: IndexRow[] = [];
  let bytes = 0;
  for await (const row of rows) {
    batch.push(row);
    bytes += row.length;
    if (batch.length < BATCH_ROWS && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function toIndexRow(resource: string, row: TableRow): IndexRow {
  const { versionFolder, ...rest } = row;
  return {
    ...rest,
    resource,
    member: 0,
    memberLength: 0,
    ...(versionFolder !== "" && { versionFolder }),
  };
}
