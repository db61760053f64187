import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";

/** One object of an archive, checked against its path. */
export interface ArchiveObject {
  /** `deployments.apps`, as in the path. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** "" on the classic path, else `v1-preferredversion` or `v1beta1`. */
  readonly versionFolder: string;
  readonly body: Buffer;
  readonly object: KubeObject;
}

/** What a reader takes at most; an archive beyond is hostile or broken. */
export interface ArchiveLimits {
  readonly entries: number;
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** Inflated bytes per archived byte. */
  readonly ratio: number;
}

/** Generous for any real cluster, and far below what would bring a process down. */
export const DEFAULT_LIMITS: ArchiveLimits = {
  entries: 5_000_000,
  entryBytes: 32 * 1024 * 1024,
  totalBytes: 64 * 1024 * 1024 * 1024,
  ratio: 1_000,
};

/** What is read, and what is known of it beforehand. */
export interface ReadArchiveOptions {
  /** Of the whole file, from the manifest; Velero's have none. */
  readonly expected?: { readonly sizeBytes: number; readonly sha256: string };
  readonly limits?: Partial<ArchiveLimits>;
  readonly signal?: AbortSignal;
  /** Told of files that hold no object (Velero goes on past them); absent: they end the reading. */
  readonly onUnreadable?: (path: string, why: string) => void;
}

/**
 * Reads a whole archive, Velero's or ours, in its order. What it yielded counts only when it has ended without an
 * error: the exact size, the two zero blocks and the digest are known only then.
 * @throws {StoreObjectMissing, ArchiveTruncated, ArchiveInvalid, ArchiveUnsafe, DigestMismatch}
 */
export async function* readArchive(
  _store: ObjectStore,
  _key: string,
  _options: ReadArchiveOptions = {},
): AsyncGenerator<ArchiveObject> {
  yield* [];
  throw new CodedError("Internal", { detail: "archive reader" }, "not built yet");
}
