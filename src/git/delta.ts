/** Git's delta encoding (gitformat-pack, "Deltified representation"): a target as copies from a source and inserts. */

const BLOCK = 16;
const MAX_INSERT = 127;
const MAX_COPY = 0xffff;
const MAX_CANDIDATES = 16;

/** Encodes `target` against `source`. Meant for small edits of trees and text: a match is found at 16-byte steps. */
export function encodeDelta(source: Buffer, target: Buffer): Buffer {
  const out: Buffer[] = [varint(source.length), varint(target.length)];
  const blocks = indexBlocks(source);
  let literalFrom = 0;
  let at = 0;
  while (at < target.length) {
    const match = longestMatch(source, target, at, blocks);
    if (match === undefined) {
      at += 1;
      continue;
    }
    // A match found at a block border may begin before it.
    const back = Math.min(commonBefore(source, match.from, target, at), at - literalFrom);
    pushInserts(out, target.subarray(literalFrom, at - back));
    pushCopies(out, match.from - back, match.length + back);
    at += match.length;
    literalFrom = at;
  }
  pushInserts(out, target.subarray(literalFrom));
  return Buffer.concat(out);
}

/** Puts a target together from its source. @throws {RangeError} when the delta is damaged or made for another source */
export function applyDelta(source: Buffer, delta: Buffer): Buffer {
  const reader = { bytes: delta, at: 0 };
  if (readVarint(reader) !== source.length) throw new RangeError("the delta was made for another object");
  const target = Buffer.allocUnsafe(readVarint(reader));
  let written = 0;
  while (reader.at < delta.length) {
    const op = delta.readUInt8(reader.at++);
    const piece = (op & 0x80) === 0 ? delta.subarray(reader.at, reader.at + op) : readCopy(source, reader, op);
    if ((op & 0x80) === 0) reader.at += op;
    if (op === 0 || written + piece.length > target.length) throw new RangeError("the delta is damaged");
    written += piece.copy(target, written);
  }
  if (written !== target.length) throw new RangeError("the delta is cut");
  return target;
}

/** The length of what a delta makes. */
export function deltaTargetSize(delta: Buffer): number {
  const reader = { bytes: delta, at: 0 };
  readVarint(reader);
  return readVarint(reader);
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function readCopy(source: Buffer, reader: Reader, op: number): Buffer {
  let offset = 0;
  let size = 0;
  for (let i = 0; i < 4; i++) if (op & (1 << i)) offset += reader.bytes.readUInt8(reader.at++) * 2 ** (8 * i);
  for (let i = 0; i < 3; i++) if (op & (0x10 << i)) size += reader.bytes.readUInt8(reader.at++) << (8 * i);
  const length = size === 0 ? 0x10000 : size;
  if (offset + length > source.length) throw new RangeError("the delta reaches beyond its source");
  return source.subarray(offset, offset + length);
}

function readVarint(reader: Reader): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = reader.bytes.readUInt8(reader.at++);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function indexBlocks(source: Buffer): Map<string, number[]> {
  const blocks = new Map<string, number[]>();
  for (let at = 0; at + BLOCK <= source.length; at += BLOCK) {
    const key = source.toString("latin1", at, at + BLOCK);
    const places = blocks.get(key);
    if (places === undefined) blocks.set(key, [at]);
    else if (places.length < MAX_CANDIDATES) places.push(at);
  }
  return blocks;
}

function longestMatch(
  source: Buffer,
  target: Buffer,
  at: number,
  blocks: ReadonlyMap<string, readonly number[]>,
): { from: number; length: number } | undefined {
  if (at + BLOCK > target.length) return undefined;
  let best: { from: number; length: number } | undefined;
  for (const from of blocks.get(target.toString("latin1", at, at + BLOCK)) ?? []) {
    let length = BLOCK;
    while (
      from + length < source.length &&
      at + length < target.length &&
      source[from + length] === target[at + length]
    ) {
      length += 1;
    }
    if (best === undefined || length > best.length) best = { from, length };
  }
  return best;
}

function commonBefore(source: Buffer, from: number, target: Buffer, at: number): number {
  let length = 0;
  while (length < from && length < at && source[from - length - 1] === target[at - length - 1]) length += 1;
  return length;
}

function pushInserts(out: Buffer[], bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += MAX_INSERT) {
    const piece = bytes.subarray(at, at + MAX_INSERT);
    out.push(Buffer.from([piece.length]), piece);
  }
}

function pushCopies(out: Buffer[], from: number, length: number): void {
  for (let done = 0; done < length; done += MAX_COPY) {
    const size = Math.min(MAX_COPY, length - done);
    const offset = from + done;
    const fields = [
      offset & 0xff,
      (offset >>> 8) & 0xff,
      (offset >>> 16) & 0xff,
      offset >>> 24,
      size & 0xff,
      size >>> 8,
    ];
    let op = 0x80;
    const present: number[] = [];
    for (const [i, byte] of fields.entries()) {
      if (byte === 0) continue;
      op |= 1 << i;
      present.push(byte);
    }
    out.push(Buffer.from([op, ...present]));
  }
}
