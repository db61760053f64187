import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { RowsOptions } from "./backup-reader.ts";
import { compareUtf8, type IndexRow } from "./index-row.ts";
import type { IndexMember } from "./manifest.ts";
import type { ObjectStore } from "./object-store.ts";

const inflate = promisify(gunzip) as (
  bytes: Buffer,
  options: { maxOutputLength: number; chunkSize: number },
) => Promise<Buffer>;

/** A member holds a few hundred rows; more than this is no index. */
const MAX_MEMBER_BYTES = 64 * 1024 * 1024;
/** zlib's output chunk: 500 rows fit into one. */
const OUTPUT_CHUNK = 256 * 1024;

/** Rows out of `holdfast-index.jsonl.gz` by ranged reads, one member in memory at a time. */
export interface IndexReader {
  rows(resource: string, options?: RowsOptions): AsyncGenerator<IndexRow>;
  /** The row on the classic path. */
  row(resource: string, key: ObjectKey): Promise<IndexRow | undefined>;
}

/** An index as its manifest describes it. */
export interface IndexSource {
  readonly key: string;
  readonly members: readonly IndexMember[];
  readonly signal: AbortSignal | undefined;
}

/** A reader that keeps the member it read last. */
export function createIndexReader(store: ObjectStore, source: IndexSource): IndexReader {
  const byResource = new Map<string, IndexMember[]>();
  for (const member of source.members) {
    const known = byResource.get(member.resource);
    if (known === undefined) byResource.set(member.resource, [member]);
    else known.push(member);
  }
  let cached: { readonly member: IndexMember; readonly rows: Promise<IndexRow[]> } | undefined;

  function load(member: IndexMember): Promise<IndexRow[]> {
    if (cached?.member === member) return cached.rows;
    const rows = readIndexMember(store, source, member);
    cached = { member, rows };
    rows.catch(() => {
      if (cached?.rows === rows) cached = undefined;
    });
    return rows;
  }

  async function* rows(resource: string, { versions, within }: RowsOptions = {}): AsyncGenerator<IndexRow> {
    const isWanted = ({ versionFolder, namespace }: IndexRow): boolean =>
      (versions === "all" || versionFolder === undefined) && (within === undefined || within.has(namespace));
    const members = membersWithin(byResource.get(resource) ?? [], within);
    let next = members[0] && readIndexMember(store, source, members[0]);
    for (let ordinal = 0; next !== undefined; ordinal++) {
      const current = await next;
      const following = members[ordinal + 1];
      next = following && readIndexMember(store, source, following);
      next?.catch(() => {}); // Thrown where it is awaited; a caller that stops early never does.
      for (const row of current) if (isWanted(row)) yield row;
    }
  }

  async function row(resource: string, key: ObjectKey): Promise<IndexRow | undefined> {
    const members = byResource.get(resource) ?? [];
    // The last member whose first row is not after the key. Version folders come after their classic row, so that
    // a member may begin with one of the key looked for: then its classic row ends the member before.
    let member = lastNotAfter(members, key);
    for (; member >= 0; member--) {
      const candidate = members[member];
      if (candidate === undefined) return undefined;
      const found = (await load(candidate)).find(
        (each) => each.name === key.name && each.namespace === key.namespace && each.versionFolder === undefined,
      );
      if (found !== undefined || comparePosition(candidate, key) !== 0) return found;
    }
    return undefined;
  }

  return { rows, row };
}

/** The members that may hold a row of these namespaces: each one's rows end where the next one's begin. */
function membersWithin(
  members: readonly IndexMember[],
  within: ReadonlySet<string> | undefined,
): readonly IndexMember[] {
  if (within === undefined) return members;
  const wanted = [...within];
  return members.filter(({ namespace: first }, ordinal) => {
    const next = members[ordinal + 1]?.namespace;
    return wanted.some((each) => compareUtf8(first, each) <= 0 && (next === undefined || compareUtf8(each, next) <= 0));
  });
}

function comparePosition(a: ObjectKey, b: ObjectKey): number {
  return compareUtf8(a.namespace, b.namespace) || compareUtf8(a.name, b.name);
}

function lastNotAfter(members: readonly IndexMember[], key: ObjectKey): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const member = members[middle];
    if (member !== undefined && comparePosition(member, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** One member's rows, its digest compared. @throws {DigestMismatch, ArchiveTruncated, ArchiveInvalid} */
async function readIndexMember(store: ObjectStore, source: IndexSource, member: IndexMember): Promise<IndexRow[]> {
  const bytes = await store.getRange(source.key, member.offset, member.length, source.signal);
  const actual = hash("sha256", bytes, "hex");
  if (actual !== member.sha256) {
    const message = `${source.key} is not the index that its manifest names: sha256 ${actual} at byte ${member.offset}, expected ${member.sha256}`;
    throw new CodedError("DigestMismatch", { key: source.key, expected: member.sha256, actual }, message);
  }
  const plain = await inflate(bytes, { maxOutputLength: MAX_MEMBER_BYTES, chunkSize: OUTPUT_CHUNK });
  // one parse of all is faster than one of each
  const rows = JSON.parse(`[${plain.toString("utf8").trimEnd().replaceAll("\n", ",")}]`) as IndexRow[];
  if (rows.length !== member.rows) {
    const why = `a member has ${rows.length} rows, its manifest says ${member.rows}`;
    throw new CodedError("ArchiveInvalid", { key: source.key, why }, `${source.key}: ${why}`);
  }
  return rows;
}
