import type { Readable } from "node:stream";
import { createGzipMembers } from "./gzip-members.ts";
import type { IndexRow } from "./index-row.ts";
import type { IndexMember } from "./manifest.ts";
import type { RowTable, TableRow } from "./row-table.ts";

/** Rows of one gzip member. With the manifest's line of 200 bytes each, the least is read for one object near this. */
export const ROWS_PER_MEMBER = 500;

/** Most of a row is digests, which no level makes smaller: 1 costs half of 6 and gives 3% more bytes. */
const INDEX_LEVEL = 1;

/** The index of a finished archive. */
export interface IndexFile {
  /** The bytes of `holdfast-index.jsonl.gz`. */
  readonly readable: Readable;
  /** Resolves once the last byte is in the readable. */
  readonly members: Promise<readonly IndexMember[]>;
}

/** Where a member of the archive is, by the number that the rows carry. */
export type PlaceOf = (member: number) => { readonly offset: number; readonly length: number };

/** Writes the index while it is read: tables sorted by resource, each sorted by key, no member over two resources. */
export function createIndexFile(tables: readonly (readonly [string, RowTable])[], placeOf: PlaceOf): IndexFile {
  const file = createGzipMembers({ digestMembers: true, level: INDEX_LEVEL });
  const members = writeRows();
  members.catch((error: Error) => file.abort(error));
  return { readable: file.readable, members };

  async function writeRows(): Promise<readonly IndexMember[]> {
    const firsts: { resource: string; namespace: string; name: string; rows: number }[] = [];
    for (const [resource, table] of tables) {
      for (const rows of batches(table.sorted())) {
        const [first] = rows;
        if (first === undefined) continue;
        firsts.push({ resource, namespace: first.namespace, name: first.name, rows: rows.length });
        await file.push(Buffer.from(rows.map((row) => encodeRow(resource, row, placeOf(row.member))).join("")));
      }
    }
    const { members: placed } = await file.end();
    return firsts.map((first, ordinal) => ({ ...first, ...(placed[ordinal] ?? { offset: 0, length: 0, sha256: "" }) }));
  }
}

function* batches(rows: Iterable<TableRow>): Generator<TableRow[]> {
  let batch: TableRow[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length < ROWS_PER_MEMBER) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function encodeRow(
  resource: string,
  row: TableRow,
  place: { readonly offset: number; readonly length: number },
): string {
  const line: IndexRow = {
    resource,
    version: row.version,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    member: place.offset,
    memberLength: place.length,
    offset: row.offset,
    length: row.length,
    sha256: row.sha256,
    content: row.content,
    ...(row.versionFolder !== "" && { versionFolder: row.versionFolder }),
  };
  return `${JSON.stringify(line)}\n`;
}
