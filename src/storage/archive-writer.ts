import { hash } from "node:crypto";
import type { Readable } from "node:stream";
import type { ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { archivePath, isArchivable, VERSION_BODY, VERSION_PATH } from "./archive-path.ts";
import { createGzipMembers, type GzipFile, type GzipMembers } from "./gzip-members.ts";
import { createIndexFile, type IndexFile } from "./index-writer.ts";
import { createMemberBuffers, type MemberBuffer, type MemberBuffers } from "./member-buffer.ts";
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
  return new SeekableArchive(options);
}

interface OpenMember {
  /** What rows carry until the archive is finished: they are made before their member is placed. */
  readonly id: number;
  readonly buffer: MemberBuffer;
}

class SeekableArchive implements ArchiveWriter {
  readonly readable: Readable;
  readonly #memberBytes: number;
  readonly #openMembers: number;
  readonly #file: GzipMembers;
  readonly #buffers: MemberBuffers;
  readonly #tables = new Map<string, RowTable>();
  /** Least recently written first: a Map keeps the order of insertion. */
  readonly #open = new Map<string, OpenMember>();
  /** Ordinal in the file by member id. */
  readonly #ordinals: number[] = [];
  readonly #begun: Promise<void>;
  #pushed = 0;
  #items = 0;

  constructor(options: ArchiveWriterOptions) {
    this.#memberBytes = options.memberBytes ?? 1024 * 1024;
    this.#openMembers = options.openMembers ?? 16;
    this.#file = createGzipMembers(options.parallelism === undefined ? {} : { parallelism: options.parallelism });
    this.#buffers = createMemberBuffers(options.modifiedMs, this.#memberBytes);
    this.readable = this.#file.readable;
    const preface = this.#buffers.take();
    preface.append(VERSION_PATH, Buffer.from(VERSION_BODY));
    this.#begun = this.#push(preface);
    this.#begun.catch(() => {}); // finish() throws it.
  }

  get items(): number {
    return this.#items;
  }

  has(resource: string, key: ObjectKey): boolean {
    return this.#tables.get(resource)?.has(key.namespace, key.name, "") ?? false;
  }

  async add(entry: ArchiveEntry): Promise<AddOutcome> {
    const { resource, version, kind, namespace, name, body, content } = entry;
    const versionFolder = entry.versionFolder === "other" ? version : "";
    const position = { resource, namespace, name, versionFolder };
    if (!isArchivable(position)) throw unsafe(entry);
    const table = this.#tableOf(resource);
    if (table.has(namespace, name, versionFolder)) return "duplicate";
    const path = archivePath(position);
    const { member, closed } = this.#memberFor(resource, this.#buffers.entryLength(path, body.length));
    const offset = member.buffer.append(path, body);
    if (entry.versionFolder === "preferred") {
      member.buffer.append(archivePath({ ...position, versionFolder: `${version}-preferredversion` }), body);
    }
    const sha256 = hash("sha256", body);
    const row = { version, kind, namespace, name, versionFolder, offset, length: body.length, sha256, content };
    table.add({ ...row, member: member.id });
    if (versionFolder === "") this.#items += 1;
    await closed;
    return "written";
  }

  async endResource(resource: string): Promise<void> {
    await this.#close(resource);
  }

  async finish(): Promise<ArchiveTotals> {
    await this.#begun;
    for (const resource of [...this.#open.keys()]) await this.#close(resource);
    await this.#file.push(Buffer.alloc(2 * BLOCK));
    const file = await this.#file.end();
    const sorted = sortedTables(this.#tables);
    const classic = sorted.filter(([, table]) => table.classic > 0);
    return {
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      items: this.#items,
      resources: Object.fromEntries(classic.map(([resource, table]) => [resource, table.classic])),
      index: createIndexFile(sorted, (member) => placeOf(file, this.#ordinals[member])),
    };
  }

  abort(reason: Error): void {
    this.#file.abort(reason);
  }

  /** The open member of a resource, with room for `length` bytes unless the entry alone is larger than a member. */
  #memberFor(resource: string, length: number): { member: OpenMember; closed: Promise<void> | undefined } {
    const current = this.#open.get(resource);
    if (current !== undefined && current.buffer.length + length <= this.#memberBytes) {
      this.#open.delete(resource);
      this.#open.set(resource, current);
      return { member: current, closed: undefined };
    }
    const [oldest = resource] = this.#open.keys();
    const closed = this.#close(current === undefined && this.#open.size >= this.#openMembers ? oldest : resource);
    const member = { id: this.#ordinals.push(-1) - 1, buffer: this.#buffers.take() };
    this.#open.set(resource, member);
    return { member, closed };
  }

  #close(resource: string): Promise<void> | undefined {
    const member = this.#open.get(resource);
    if (member === undefined) return undefined;
    this.#open.delete(resource);
    this.#ordinals[member.id] = this.#pushed;
    return this.#push(member.buffer);
  }

  #push(buffer: MemberBuffer): Promise<void> {
    this.#pushed += 1;
    return this.#file.push(buffer.bytes(), () => this.#buffers.give(buffer));
  }

  #tableOf(resource: string): RowTable {
    const known = this.#tables.get(resource);
    if (known !== undefined) return known;
    const table = createRowTable();
    this.#tables.set(resource, table);
    return table;
  }
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
