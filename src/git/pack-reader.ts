/**
 * Reads single objects out of a pack by its index (gitformat-pack), a few hundred bytes at a time. isomorphic-git holds
 * the whole pack and a string for every object in memory for each operation: with 50,000 records that was 30 MB a read.
 */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { inflate, inflateSync } from "node:zlib";
import { applyDelta, deltaTargetSize } from "./delta.ts";
import { createObjectCache } from "./object-cache.ts";
import type { GitObject, ObjectType } from "./object-id.ts";

const inflateAsync = promisify(inflate);
const INFLATE_IN_POOL_BYTES = 256 * 1024;
const HEADER_BYTES = 32;
const HASHES_AT = 8 + 256 * 4;
/** Trees of half a million names are smaller; what is larger is no file of ours. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
/** For bases of delta chains. */
const CACHE_BYTES = 4 * 1024 * 1024;

/** Where an entry's content starts, what it is, and how long it is when inflated. */
export interface PackEntry {
  readonly type: ObjectType | "ofs-delta" | "ref-delta";
  readonly sizeBytes: number;
  readonly contentAt: number;
  /** Offset of the base in this pack, or its object id. */
  readonly base: number | string | undefined;
}

export interface PackReader {
  readonly count: number;
  /** The entry's offset; undefined when the pack lacks the object. */
  find(oid: string): number | undefined;
  /** Inflates the object at an offset; `external` finds bases outside of this pack. */
  readAt(offset: number, external: (oid: string) => Promise<GitObject | undefined>): Promise<GitObject>;
  /** How long the object is when inflated; it is not inflated for that. */
  sizeAt(offset: number): Promise<number>;
  close(): Promise<void>;
}

/** Opens `<base>.pack` with `<base>.idx`. */
export async function openPack(base: string): Promise<PackReader> {
  const index = await readFile(`${base}.idx`);
  const count = index.readUInt32BE(8 + 255 * 4);
  const handle = await open(`${base}.pack`);
  const cache = createObjectCache<number>(CACHE_BYTES, CACHE_BYTES / 8);
  const readAt: PackReader["readAt"] = async (offset, external) => {
    const cached = cache.get(offset);
    if (cached !== undefined) return cached;
    const entry = await readEntry(handle, offset);
    const content = await readContent(handle, entry);
    if (entry.base === undefined) return cache.put(offset, { type: entry.type as ObjectType, bytes: content });
    const inside = typeof entry.base === "number" ? entry.base : findOffset(index, count, entry.base);
    const source = inside === undefined ? await external(String(entry.base)) : await readAt(inside, external);
    if (source === undefined) throw new RangeError("the base of a delta is missing");
    return cache.put(offset, { type: source.type, bytes: applyDelta(source.bytes, content) });
  };
  const sizeAt = async (offset: number): Promise<number> => {
    const entry = await readEntry(handle, offset);
    if (entry.base === undefined || entry.sizeBytes > MAX_OBJECT_BYTES) return entry.sizeBytes;
    return deltaTargetSize(await readContent(handle, entry));
  };
  return { count, find: (oid) => findOffset(index, count, oid), readAt, sizeAt, close: () => handle.close() };
}

async function readEntry(handle: FileHandle, offset: number): Promise<PackEntry> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  await handle.read(bytes, 0, HEADER_BYTES, offset);
  return parseEntry(bytes, offset);
}

const TYPES: Readonly<Record<number, PackEntry["type"]>> = {
  1: "commit",
  2: "tree",
  3: "blob",
  4: "tag",
  6: "ofs-delta",
  7: "ref-delta",
};

/** Parses an entry's header, which starts at the first of `bytes` and lies at `offset` in the pack. */
export function parseEntry(bytes: Buffer, offset: number): PackEntry {
  let at = 0;
  let byte = bytes.readUInt8(at++);
  const type = TYPES[(byte >> 4) & 7];
  if (type === undefined) throw new RangeError("the pack holds an entry of unknown type");
  let sizeBytes = byte & 15;
  for (let factor = 16; byte >= 128; factor *= 128) {
    byte = bytes.readUInt8(at++);
    sizeBytes += (byte & 127) * factor;
  }
  if (type === "ref-delta") {
    return { type, sizeBytes, contentAt: offset + at + 20, base: bytes.toString("hex", at, at + 20) };
  }
  if (type !== "ofs-delta") return { type, sizeBytes, contentAt: offset + at, base: undefined };
  byte = bytes.readUInt8(at++);
  let distance = byte & 127;
  while (byte >= 128) {
    byte = bytes.readUInt8(at++);
    distance = (distance + 1) * 128 + (byte & 127);
  }
  return { type, sizeBytes, contentAt: offset + at, base: offset - distance };
}

/** Inflates an entry's content: the object, or the delta. @throws {RangeError} when it is damaged or too large */
export async function readContent(handle: FileHandle, entry: PackEntry): Promise<Buffer> {
  if (entry.sizeBytes > MAX_OBJECT_BYTES) throw new RangeError("an object in the repository is too large to be read");
  // zlib's own bound for what deflate can make of so many bytes; what follows in the pack is ignored.
  const bound = entry.sizeBytes + Math.ceil(entry.sizeBytes / 1000) + 64;
  const compressed = Buffer.allocUnsafe(bound);
  const { bytesRead } = await handle.read(compressed, 0, bound, entry.contentAt);
  const input = compressed.subarray(0, bytesRead);
  const bytes =
    bound > INFLATE_IN_POOL_BYTES
      ? await inflateAsync(input)
      : inflateSync(input, { chunkSize: Math.max(64, entry.sizeBytes + 1) });
  if (bytes.length !== entry.sizeBytes) throw new RangeError("an object in the pack has another length than stated");
  return bytes;
}

function findOffset(index: Buffer, count: number, oid: string): number | undefined {
  const wanted = Buffer.from(oid, "hex");
  const first = wanted[0] ?? 0;
  let low = first === 0 ? 0 : index.readUInt32BE(8 + (first - 1) * 4);
  let high = index.readUInt32BE(8 + first * 4);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = HASHES_AT + middle * 20;
    const order = index.compare(wanted, 0, 20, at, at + 20);
    // `compare` with ranges orders index[at..] against wanted: positive means the index's hash is the greater.
    if (order === 0) return index.readUInt32BE(HASHES_AT + count * 24 + middle * 4);
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
