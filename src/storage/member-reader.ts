import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { CodedError } from "../errors.ts";
import type { IndexRow } from "./index-row.ts";
import type { ObjectStore } from "./object-store.ts";

const inflate = promisify(gunzip) as (
  bytes: Buffer,
  options: { maxOutputLength: number; chunkSize: number },
) => Promise<Buffer>;

/** A member is about a megabyte, or one large object; more than this is a bomb. */
const MAX_MEMBER_BYTES = 128 * 1024 * 1024;
/** zlib's output chunk: a member of the usual size inflates into one, not into 64 and a copy. */
const OUTPUT_CHUNK = 1024 * 1024;
/** Rows put in order at once: some 6 MB, and the members of 40 MiB of tar. */
const WINDOW_ROWS = 16_384;
/** Neighbouring members fetched by one request, and such requests under way. */
const RUN_BYTES = 1024 * 1024;
const RUN_MEMBERS = 4;
const RUNS_AHEAD = 1;

/** Inflated members of an archive of ours, by ranged reads. */
export interface MemberReader {
  /** The member of a row. The one read last stays in memory. */
  member(row: IndexRow): Promise<Buffer>;
  /** Many rows in the order of their members. */
  membersOf(
    rows: AsyncIterable<IndexRow> | Iterable<IndexRow>,
  ): AsyncGenerator<{ readonly row: IndexRow; readonly member: Buffer }>;
}

interface Run {
  readonly offset: number;
  length: number;
  readonly members: { readonly offset: number; readonly length: number; readonly rows: IndexRow[] }[];
}

/** A reader of the archive at `key`. */
export function createMemberReader(store: ObjectStore, key: string, signal: AbortSignal | undefined): MemberReader {
  let cached: { readonly offset: number; readonly bytes: Promise<Buffer> } | undefined;

  async function fetchMember(offset: number, length: number): Promise<Buffer> {
    return await inflateMember(key, offset, await store.getRange(key, offset, length, signal));
  }

  function member(row: IndexRow): Promise<Buffer> {
    if (cached?.offset === row.member) return cached.bytes;
    const bytes = fetchMember(row.member, row.memberLength);
    cached = { offset: row.member, bytes };
    bytes.catch(() => {
      if (cached?.bytes === bytes) cached = undefined;
    });
    return bytes;
  }

  async function fetchRun(run: Run): Promise<{ readonly row: IndexRow; readonly member: Buffer }[]> {
    const known = cached;
    const bytes = await store.getRange(key, run.offset, run.length, signal);
    const inflated = await Promise.all(
      run.members.map(async ({ offset, length, rows }) => {
        const start = offset - run.offset;
        // Whoever reads in windows comes back to the member that the last window ended in.
        const member = await (known?.offset === offset
          ? known.bytes
          : inflateMember(key, offset, bytes.subarray(start, start + length)));
        return { offset, rows, member };
      }),
    );
    const last = inflated.at(-1);
    if (last !== undefined) cached = { offset: last.offset, bytes: Promise.resolve(last.member) };
    return inflated.flatMap(({ rows, member }) => rows.map((row) => ({ row, member })));
  }

  async function* membersOf(rows: AsyncIterable<IndexRow> | Iterable<IndexRow>): ReturnType<MemberReader["membersOf"]> {
    for await (const window of windows(rows)) {
      for await (const members of ahead(runsOf(window), fetchRun)) yield* members;
    }
  }

  return { member, membersOf };
}

/**
 * A row's body inside its inflated member, whose memory it shares.
 * @throws {DigestMismatch, ArchiveInvalid}
 */
export function bodyOf(key: string, row: IndexRow, member: Buffer): Buffer {
  const at = `${row.resource}/${row.namespace === "" ? "" : `${row.namespace}/`}${row.name}`;
  if (row.offset + row.length > member.length) {
    const why = `the index places ${at} beyond the end of its member`;
    throw new CodedError("ArchiveInvalid", { key, why }, `${key}: ${why}`);
  }
  const body = member.subarray(row.offset, row.offset + row.length);
  const actual = hash("sha256", body, "hex");
  if (actual === row.sha256) return body;
  const message = `${key}: ${at} is not what was backed up: sha256 ${actual}, expected ${row.sha256}`;
  throw new CodedError("DigestMismatch", { key: `${key}: ${at}`, expected: row.sha256, actual }, message);
}

async function inflateMember(key: string, offset: number, bytes: Buffer): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: MAX_MEMBER_BYTES, chunkSize: OUTPUT_CHUNK });
  } catch (error) {
    const why = `the gzip member at byte ${offset} does not inflate: ${error instanceof Error ? error.message : String(error)}`;
    throw new CodedError("ArchiveInvalid", { key, why }, `${key} is damaged: ${why}`, { cause: error });
  }
}

async function* windows(rows: AsyncIterable<IndexRow> | Iterable<IndexRow>): AsyncGenerator<IndexRow[]> {
  let window: IndexRow[] = [];
  for await (const row of rows) {
    window.push(row);
    if (window.length < WINDOW_ROWS) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}

/** The rows by member, neighbours in one request. */
function runsOf(window: IndexRow[]): Run[] {
  window.sort((a, b) => a.member - b.member || a.offset - b.offset);
  const runs: Run[] = [];
  for (const row of window) {
    const run = runs.at(-1);
    const last = run?.members.at(-1);
    if (last?.offset === row.member) {
      last.rows.push(row);
      continue;
    }
    const member = { offset: row.member, length: row.memberLength, rows: [row] };
    if (run !== undefined && joins(run, member)) {
      run.members.push(member);
      run.length += member.length;
    } else {
      runs.push({ offset: member.offset, length: member.length, members: [member] });
    }
  }
  return runs;
}

function joins(run: Run, member: { readonly offset: number; readonly length: number }): boolean {
  return (
    run.offset + run.length === member.offset &&
    run.members.length < RUN_MEMBERS &&
    run.length + member.length <= RUN_BYTES
  );
}

/** The results of `start` in order, a few under way before they are asked for. */
async function* ahead<T, R>(inputs: readonly T[], start: (input: T) => Promise<R>): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  for (let next = 0; next < inputs.length || underWay.length > 0; ) {
    while (underWay.length <= RUNS_AHEAD && next < inputs.length) {
      const promise = start(inputs[next++] as T);
      promise.catch(() => {}); // Thrown where it is awaited; a caller that stops early never does.
      underWay.push(promise);
    }
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
}
