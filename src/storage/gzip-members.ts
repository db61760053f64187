import { createHash, type Hash, hash as hashOnce } from "node:crypto";
import { availableParallelism } from "node:os";
import { Readable } from "node:stream";
import { gzip } from "node:zlib";

/** Where a member stands in the file. */
export interface PlacedMember {
  readonly offset: number;
  readonly length: number;
  /** Of the compressed bytes; "" unless asked for. */
  readonly sha256: string;
}

/** A file made of independent gzip members, compressed several at once on the libuv pool and written in order. */
export interface GzipMembers {
  readonly readable: Readable;
  /**
   * Appends one member; `plain` must not change until `onCompressed`. Resolves when there is room for more.
   * Shape: members are numbered from 0 in the order of the calls.
   */
  push(plain: Uint8Array, onCompressed?: () => void): Promise<void>;
  /** Ends the file; resolves once its last byte is in the readable. */
  end(): Promise<GzipFile>;
  /** Destroys the readable, and with it every waiting call. */
  abort(reason: Error): void;
}

/** The finished file. */
export interface GzipFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly members: readonly PlacedMember[];
}

export interface GzipMembersOptions {
  /** Members in compression at once. Default: the cores, at most 4, which is the libuv pool. */
  readonly parallelism?: number;
  readonly digestMembers?: boolean;
  /** zlib level. Default 6. */
  readonly level?: number;
}

/** zlib's output chunk: each one is a trip to the pool and back, so that a member should fit into one. */
const OUTPUT_CHUNK = 256 * 1024;

interface Slot {
  plain: Uint8Array | undefined;
  compressed: Buffer | undefined;
  readonly onCompressed: (() => void) | undefined;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** An empty file. */
export function createGzipMembers(options: GzipMembersOptions = {}): GzipMembers {
  const parallelism = options.parallelism ?? Math.min(availableParallelism(), 4);
  const queue: Slot[] = [];
  const members: PlacedMember[] = [];
  const hash: Hash = createHash("sha256");
  let running = 0;
  let offset = 0;
  let wanted = false;
  let failure: Error | undefined;
  let ending: { resolve(file: GzipFile): void; reject(error: Error): void } | undefined;
  const waiters: Waiter[] = [];

  const readable = new Readable({
    highWaterMark: OUTPUT_CHUNK,
    read() {
      wanted = true;
      emit();
    },
    destroy(error, done) {
      fail(error ?? new Error("the reader of this file went away before its end"));
      done(error);
    },
  });

  // Whoever waits is told by fail(); an abort before the upload has begun must not be an uncaught event.
  readable.on("error", () => {});

  function fail(error: Error): void {
    failure ??= error;
    queue.length = 0;
    for (const waiter of waiters.splice(0)) waiter.reject(failure);
    ending?.reject(failure);
    ending = undefined;
  }

  function compress(): void {
    for (const slot of queue) {
      if (running >= parallelism) return;
      const plain = slot.plain;
      if (plain === undefined) continue;
      slot.plain = undefined;
      running += 1;
      gzip(plain, { level: options.level ?? 6, chunkSize: OUTPUT_CHUNK }, (error, compressed) => {
        running -= 1;
        slot.onCompressed?.();
        if (failure !== undefined) return;
        if (error !== null) return void readable.destroy(error);
        slot.compressed = compressed;
        emit();
        compress();
      });
    }
  }

  function emit(): void {
    while (wanted && queue[0]?.compressed !== undefined) {
      const { compressed } = queue.shift() as Slot & { compressed: Buffer };
      members.push({
        offset,
        length: compressed.length,
        sha256: options.digestMembers === true ? hashOnce("sha256", compressed, "hex") : "",
      });
      offset += compressed.length;
      hash.update(compressed);
      wanted = readable.push(compressed);
    }
    if (hasRoom()) for (const waiter of waiters.splice(0)) waiter.resolve();
    if (ending !== undefined && queue.length === 0) {
      const { resolve } = ending;
      ending = undefined;
      readable.push(null);
      resolve({ sizeBytes: offset, sha256: hash.digest("hex"), members });
    }
  }

  /** Two members beyond those in compression: enough to keep the pool busy while the reader catches up. */
  function hasRoom(): boolean {
    return queue.length < parallelism + 2;
  }

  async function push(plain: Uint8Array, onCompressed?: () => void): Promise<void> {
    if (failure !== undefined) throw failure;
    queue.push({ plain, compressed: undefined, onCompressed });
    compress();
    if (hasRoom()) return;
    await new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }));
  }

  async function end(): Promise<GzipFile> {
    if (failure !== undefined) throw failure;
    return await new Promise((resolve, reject) => {
      ending = { resolve, reject };
      emit();
    });
  }

  return { readable, push, end, abort: (reason) => void readable.destroy(reason) };
}
