import { hash } from "node:crypto";
import type { Readable } from "node:stream";
import type { ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { archivePath, isArchivable, VERSION_BODY, VERSION_PATH } from "./archive-path.ts";
import { createGzipMembers, type GzipFile } from "./gzip-members.ts";
import { createIndexFile, type IndexFile } from "./index-writer.ts";
import { createMemberBuffers, type MemberBuffer } from "./member-buffer.ts";
import { createRowTable, type RowTable, sortedTables } from "./row-table.ts";
import { BLOCK } from "./tar-header.ts";

/** One object to archive. `body` is copied before `add` returns its promise. */
export interface ArchiveEntry {
  /** `deployments.apps`, or `pods` for the core group. */
  readonly resource: string;
  readonly version: string;
  readonly kind: string;
  /** "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Compact JSON with apiVersion and kind. */
  readonly body: Uint8Array;
  /** `contentDigest` of the object. */
  readonly content: string;
  /**
   * Only with the all-versions option: `preferred` adds the copy in `<version>-preferredversion/`, `other` writes the
   * object into `<version>/` alone. Absent: the classic path alone.
   */
  readonly versionFolder?: "preferred" | "other";
}

/** Whether an object was written; an object already there stays as it is. */
export type AddOutcome = "written" | "duplicate";

/** Writes one archive. Resources may interleave, and several may `add` at once; each resource has one open member. */
export interface ArchiveWriter {
  /** The archive's bytes: hand it to `store.put` before the first `add`. Destroying it makes every `add` reject. */
  readonly readable: Readable;
  /**
   * Resolves when there is room for more. The same (resource, namespace, name) a second time is a `duplicate`.
   * @throws {ArchiveUnsafe} for a name that can't be a path; the archive goes on without it.
   */
  add(entry: ArchiveEntry): Promise<AddOutcome>;
  /** True when the object is in the archive already, at its classic path. */
  has(resource: string, key: ObjectKey): boolean;
  /** Objects written up to now. */
  readonly items: number;
  /** Closes the open member of a resource that is complete, so that its memory is free. More may still be added. */
  endResource(resource: string): Promise<void>;
  /** Ends the archive and resolves once its last byte is taken; `add` must not be called again. */
  finish(): Promise<ArchiveTotals>;
  /** Ends the readable with `reason`, so that the upload fails and leaves nothing. Idempotent. */
  abort(reason: Error): void;
}

/** What a finished archive is. */
export interface ArchiveTotals {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly items: number;
  /** Objects per resource, classic paths only; keys sorted. */
  readonly resources: Readonly<Record<string, number>>;
  /** Put it before the manifest, whose table it gives. */
  readonly index: IndexFile;
}

/** Sizes and the pool; the defaults are those of `docs/archive-format.md`. */
export interface ArchiveWriterOptions {
  /** Of every entry; ms since the epoch. */
  readonly modifiedMs: number;
  /** Tar bytes at which a member is closed. Default 1 MiB. */
  readonly memberBytes?: number;
  /** Members in compression at once. Default: the cores, at most 4 (the libuv pool). */
  readonly parallelism?: number;
  /** Members open at once; the one least recently written to is closed when there are more. Default 16. */
  readonly openMembers?: number;
}

/** A writer of an ordinary tar.gz made of independent gzip members. */
export function createArchiveWriter(options: ArchiveWriterOptions): ArchiveWriter {
  const memberBytes = options.memberBytes ?? 1024 * 1024;
  const openMembers = options.openMembers ?? 16;
  const file = createGzipMembers(options.parallelism === undefined ? {} : { parallelism: options.parallelism });
  const buffers = createMemberBuffers(options.modifiedMs, memberBytes);
  const tables = new Map<string, RowTable>();
  /** Least recently written first: a Map keeps the order of insertion. */
  const open = new Map<string, { id: number; buffer: MemberBuffer }>();
  /** Ordinal in the file by the number that rows carry: rows are made before their member is written. */
  const ordinals: number[] = [];
  let pushed = 0;
  let items = 0;

  const preface = buffers.take();
  preface.append(VERSION_PATH, Buffer.from(VERSION_BODY));
  const begun = push(preface);
  begun.catch(() => {});

  function push(buffer: MemberBuffer): Promise<void> {
    pushed += 1;
    return file.push(buffer.bytes(), () => buffers.give(buffer));
  }

  function close(resource: string): Promise<void> | undefined {
    const member = open.get(resource);
    if (member === undefined) return undefined;
    open.delete(resource);
    ordinals[member.id] = pushed;
    return push(member.buffer);
  }

  /** The open member of a resource, with room for `length` bytes unless the entry alone is larger than a member. */
  function memberFor(resource: string, length: number, waits: Promise<void>[]): { id: number; buffer: MemberBuffer } {
    const current = open.get(resource);
    if (current !== undefined && current.buffer.length + length <= memberBytes) {
      open.delete(resource);
      open.set(resource, current);
      return current;
    }
    const [oldest] = open.keys();
    const closing = current === undefined && open.size >= openMembers ? oldest : resource;
    const closed = closing === undefined ? undefined : close(closing);
    if (closed !== undefined) waits.push(closed);
    const fresh = { id: ordinals.push(-1) - 1, buffer: buffers.take() };
    open.set(resource, fresh);
    return fresh;
  }

  function tableOf(resource: string): RowTable {
    const known = tables.get(resource);
    if (known !== undefined) return known;
    const table = createRowTable();
    tables.set(resource, table);
    return table;
  }

  async function add(entry: ArchiveEntry): Promise<AddOutcome> {
    const versionFolder = entry.versionFolder === "other" ? entry.version : "";
    const position = { ...pick(entry), versionFolder };
    if (!isArchivable(position)) throw unsafe(entry);
    const table = tableOf(entry.resource);
    if (table.has(entry.namespace, entry.name, versionFolder)) return "duplicate";
    const path = archivePath(position);
    const waits: Promise<void>[] = [];
    const member = memberFor(entry.resource, buffers.entryLength(path, entry.body.length), waits);
    const offset = member.buffer.append(path, entry.body);
    if (entry.versionFolder === "preferred") {
      member.buffer.append(
        archivePath({ ...position, versionFolder: `${entry.version}-preferredversion` }),
        entry.body,
      );
    }
    const sha256 = hash("sha256", entry.body, "buffer");
    const { version, kind, namespace, name, content } = entry;
    table.add({
      version,
      kind,
      namespace,
      name,
      versionFolder,
      member: member.id,
      offset,
      length: entry.body.length,
      sha256,
      content,
    });
    if (versionFolder === "") items += 1;
    if (waits.length > 0) await Promise.all(waits);
    return "written";
  }

  async function finish(): Promise<ArchiveTotals> {
    await begun;
    for (const resource of [...open.keys()]) await close(resource);
    await file.push(Buffer.alloc(2 * BLOCK));
    const done = await file.end();
    const sorted = sortedTables(tables);
    return {
      sizeBytes: done.sizeBytes,
      sha256: done.sha256,
      items,
      resources: Object.fromEntries(
        sorted.filter(([, table]) => table.classic > 0).map(([name, table]) => [name, table.classic]),
      ),
      index: createIndexFile(sorted, (member) => placeOf(done, ordinals[member])),
    };
  }

  return {
    readable: file.readable,
    add,
    has: (resource, key) => tables.get(resource)?.has(key.namespace, key.name, "") ?? false,
    get items() {
      return items;
    },
    endResource: async (resource) => await close(resource),
    finish,
    abort: file.abort,
  };
}

function pick(entry: ArchiveEntry): { resource: string; namespace: string; name: string } {
  return { resource: entry.resource, namespace: entry.namespace, name: entry.name };
}

function placeOf(file: GzipFile, ordinal: number | undefined): { offset: number; length: number } {
  const place = ordinal === undefined ? undefined : file.members[ordinal];
  if (place === undefined)
    throw new CodedError("Internal", { detail: "archive member" }, "a row names a member that was not written");
  return place;
}

function unsafe(entry: ArchiveEntry): CodedError {
  const name = JSON.stringify(`${entry.resource}/${entry.namespace}/${entry.name}`);
  return new CodedError(
    "ArchiveUnsafe",
    { key: "", entry: name, why: "name" },
    `${name} cannot be a path in an archive`,
  );
}
