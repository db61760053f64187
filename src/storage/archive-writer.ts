import type { Readable } from "node:stream";
import type { ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { IndexMember } from "./manifest.ts";

/** One object to archive. `body` is copied before `add` resolves. */
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

/** Writes one archive. Resources may interleave; each has one open member. */
export interface ArchiveWriter {
  /** The archive's bytes: hand it to `store.put` before the first `add`. Destroying it makes every `add` reject. */
  readonly readable: Readable;
  /** Resolves when there is room for more. The same (resource, namespace, name) a second time is a `duplicate`. */
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
  readonly index: IndexFile;
}

/** The index of a finished archive. */
export interface IndexFile {
  /** The bytes of `holdfast-index.jsonl.gz`. */
  readonly readable: Readable;
  /** Resolves once the last byte is taken. */
  readonly members: Promise<readonly IndexMember[]>;
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
export function createArchiveWriter(_options: ArchiveWriterOptions): ArchiveWriter {
  throw new CodedError("Internal", { detail: "archive writer" }, "not built yet");
}
