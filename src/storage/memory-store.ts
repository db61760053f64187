import { Readable } from "node:stream";
import { CodedError } from "../errors.ts";
import { compareUtf8 } from "./index-row.ts";
import type { ObjectStat, ObjectStore, PutOptions, PutOutcome } from "./object-store.ts";
import { discard, readAll } from "./streams.ts";

interface StoredObject {
  readonly bytes: Buffer;
  readonly modifiedMs: number;
}

/** A store in this process's memory: for tests and trials. Obeys the same contract as the others. */
export class MemoryStore implements ObjectStore {
  readonly location: string;
  readonly #objects = new Map<string, StoredObject>();
  readonly #now: () => number;

  constructor(options: { readonly name?: string; readonly now?: () => number } = {}) {
    this.location = `memory://${options.name ?? "store"}`;
    this.#now = options.now ?? Date.now;
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<PutOutcome> {
    options.signal?.throwIfAborted();
    const bytes = body instanceof Readable ? await readAbortable(body, options.signal) : Buffer.from(body);
    options.signal?.throwIfAborted();
    if (options.ifAbsent === true && this.#objects.has(key)) return { type: "exists" };
    this.#objects.set(key, { bytes, modifiedMs: this.#now() });
    return { type: "created" };
  }

  async get(key: string, signal?: AbortSignal): Promise<Readable> {
    signal?.throwIfAborted();
    return Readable.from(chunked(this.#read(key)), { objectMode: false, ...(signal && { signal }) });
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    const bytes = this.#read(key);
    if (offset + length > bytes.length) {
      throw new CodedError("ArchiveTruncated", { key }, `${key} is cut short: it ends before byte ${offset + length}`);
    }
    return Buffer.from(bytes.subarray(offset, offset + length));
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    signal?.throwIfAborted();
    const stored = this.#objects.get(key);
    return stored === undefined ? undefined : statOf(key, stored);
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    for (const key of [...this.#objects.keys()].filter((each) => each.startsWith(prefix)).sort(compareUtf8)) {
      signal?.throwIfAborted();
      const stored = this.#objects.get(key);
      if (stored !== undefined) yield statOf(key, stored);
    }
  }

  async listPrefixes(prefix: string, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    const found = new Set<string>();
    for (const key of this.#objects.keys()) {
      const slash = key.startsWith(prefix) ? key.indexOf("/", prefix.length) : -1;
      if (slash >= 0) found.add(key.slice(prefix.length, slash + 1));
    }
    return [...found].sort(compareUtf8);
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#objects.delete(key);
  }

  async abortUploads(_key: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    return 0; // An upload lives in its put alone: one that failed has left nothing.
  }

  #read(key: string): Buffer {
    const stored = this.#objects.get(key);
    if (stored === undefined)
      throw new CodedError("StoreObjectMissing", { key }, `${this.location} has no object ${key}`);
    return stored.bytes;
  }
}

function statOf(key: string, stored: StoredObject): ObjectStat {
  return { key, sizeBytes: stored.bytes.length, modifiedMs: stored.modifiedMs };
}

/** In pieces, as a network gives them: a reader that expects one chunk fails here first. */
function* chunked(bytes: Buffer): Generator<Buffer> {
  const step = 64 * 1024;
  for (let offset = 0; offset < bytes.length; offset += step) yield bytes.subarray(offset, offset + step);
}

async function readAbortable(body: Readable, signal: AbortSignal | undefined): Promise<Buffer> {
  if (signal === undefined) return readAll(body);
  const onAbort = (): void => void body.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await readAll(body);
  } finally {
    signal.removeEventListener("abort", onAbort);
    discard(body);
  }
}
