import { compareUtf8 } from "./index-row.ts";

/** One object of a table. `member` is the table's owner's number of a member, not an offset. */
export interface TableRow {
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** "" on the classic path. */
  readonly versionFolder: string;
  readonly member: number;
  readonly offset: number;
  readonly length: number;
  /** 32 bytes. */
  readonly sha256: Buffer;
  /** 64 hex digits. */
  readonly content: string;
}

/**
 * The rows of one resource as encoded bytes (about 130 each), with a hash over their keys: a hundred thousand objects
 * take 15 MB, where row objects and a Set of keys would take 60.
 */
export interface RowTable {
  readonly size: number;
  /** False, and nothing changed, when the key (namespace, name, version folder) is there. */
  add(row: TableRow): boolean;
  has(namespace: string, name: string, versionFolder: string): boolean;
  find(namespace: string, name: string, versionFolder: string): TableRow | undefined;
  /** Every row by (namespace, name, version folder) in UTF-8 byte order. */
  sorted(): Generator<TableRow>;
  /** The number of rows on the classic path. */
  readonly classic: number;
}

/** Fixed part of an encoded row: member, offset (double), length, shape, key length, two digests. */
const AT = { member: 0, offset: 4, length: 12, shape: 16, keyLength: 18, sha256: 20, content: 52, key: 84 } as const;

interface Shape {
  readonly version: string;
  readonly kind: string;
  readonly versionFolder: string;
}

/** An empty table. */
export function createRowTable(): RowTable {
  let bytes = Buffer.allocUnsafe(4096);
  let used = 0;
  let starts = new Uint32Array(16);
  let size = 0;
  let classic = 0;
  /** Row number + 1 by key hash, open addressing, at most half full. */
  let slots = new Uint32Array(32);
  const shapes: Shape[] = [];

  function reserve(length: number): void {
    if (used + length > bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes.length * 2, used + length));
      bytes.copy(grown, 0, 0, used);
      bytes = grown;
    }
    if (size === starts.length) {
      const grown = new Uint32Array(size * 2);
      grown.set(starts);
      starts = grown;
    }
    if (size * 2 >= slots.length) rehash();
  }

  function rehash(): void {
    slots = new Uint32Array(slots.length * 2);
    for (let row = 0; row < size; row++) {
      const start = starts[row] ?? 0;
      const keyStart = start + AT.key;
      slots[freeSlot(hashKey(bytes, keyStart, keyStart + bytes.readUInt16LE(start + AT.keyLength)))] = row + 1;
    }
  }

  function freeSlot(hash: number): number {
    let slot = hash & (slots.length - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
    return slot;
  }

  /** The number of the row whose key stands in `source`, or -1. */
  function findRow(source: Buffer, keyStart: number, keyEnd: number, hash: number): number {
    for (let slot = hash & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const row = slots[slot] ?? 0;
      if (row === 0) return -1;
      const start = starts[row - 1] ?? 0;
      const end = start + AT.key + bytes.readUInt16LE(start + AT.keyLength);
      if (bytes.compare(source, keyStart, keyEnd, start + AT.key, end) === 0) return row - 1;
    }
  }

  function shapeOf(row: TableRow): number {
    const known = shapes.findIndex(
      (each) => each.version === row.version && each.kind === row.kind && each.versionFolder === row.versionFolder,
    );
    return known >= 0
      ? known
      : shapes.push({ version: row.version, kind: row.kind, versionFolder: row.versionFolder }) - 1;
  }

  function add(row: TableRow): boolean {
    const key = keyText(row.namespace, row.name, row.versionFolder);
    reserve(AT.key + key.length * 3);
    const keyStart = used + AT.key;
    const keyEnd = keyStart + bytes.write(key, keyStart);
    const hash = hashKey(bytes, keyStart, keyEnd);
    if (findRow(bytes, keyStart, keyEnd, hash) >= 0) return false;
    bytes.writeUInt32LE(row.member, used + AT.member);
    bytes.writeDoubleLE(row.offset, used + AT.offset);
    bytes.writeUInt32LE(row.length, used + AT.length);
    bytes.writeUInt16LE(shapeOf(row), used + AT.shape);
    bytes.writeUInt16LE(keyEnd - keyStart, used + AT.keyLength);
    row.sha256.copy(bytes, used + AT.sha256, 0, 32);
    bytes.write(row.content, used + AT.content, 32, "hex");
    slots[freeSlot(hash)] = size + 1;
    starts[size] = used;
    size += 1;
    if (row.versionFolder === "") classic += 1;
    used = keyEnd;
    return true;
  }

  function lookUp(namespace: string, name: string, versionFolder: string): number {
    const key = Buffer.from(keyText(namespace, name, versionFolder));
    return findRow(key, 0, key.length, hashKey(key, 0, key.length));
  }

  function find(namespace: string, name: string, versionFolder: string): TableRow | undefined {
    const row = lookUp(namespace, name, versionFolder);
    return row < 0 ? undefined : decode(row);
  }

  function decode(row: number): TableRow {
    const start = starts[row] ?? 0;
    const keyStart = start + AT.key;
    const [namespace = "", name = ""] = bytes
      .toString("utf8", keyStart, keyStart + bytes.readUInt16LE(start + AT.keyLength))
      .split("\0");
    const shape = shapes[bytes.readUInt16LE(start + AT.shape)] ?? { version: "", kind: "", versionFolder: "" };
    return {
      ...shape,
      namespace,
      name,
      member: bytes.readUInt32LE(start + AT.member),
      offset: bytes.readDoubleLE(start + AT.offset),
      length: bytes.readUInt32LE(start + AT.length),
      sha256: Buffer.from(bytes.subarray(start + AT.sha256, start + AT.content)),
      content: bytes.toString("hex", start + AT.content, start + AT.key),
    };
  }

  function* sorted(): Generator<TableRow> {
    // LISTs come nearly sorted, which Array's merge sort takes in linear time and a typed array's does not.
    const order = Array.from({ length: size }, (_, row) => row);
    const keyEnd = (start: number): number => start + AT.key + bytes.readUInt16LE(start + AT.keyLength);
    order.sort((a, b) => {
      const left = starts[a] ?? 0;
      const right = starts[b] ?? 0;
      return bytes.compare(bytes, right + AT.key, keyEnd(right), left + AT.key, keyEnd(left));
    });
    for (const row of order) yield decode(row);
  }

  return {
    get size() {
      return size;
    },
    get classic() {
      return classic;
    },
    add,
    has: (namespace, name, versionFolder) => lookUp(namespace, name, versionFolder) >= 0,
    find,
    sorted,
  };
}

/** NUL sorts below every byte of a name, so that the bytes compare as the three parts do. */
function keyText(namespace: string, name: string, versionFolder: string): string {
  return versionFolder === "" ? `${namespace}\0${name}` : `${namespace}\0${name}\0${versionFolder}`;
}

/** FNV-1a, 32 bits. */
function hashKey(source: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ (source[index] ?? 0), 0x01000193);
  // Its low bits alone decide the slot: mix the high ones in.
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The tables of all resources, by resource in byte order. */
export function sortedTables(tables: ReadonlyMap<string, RowTable>): [string, RowTable][] {
  return [...tables].sort(([a], [b]) => compareUtf8(a, b));
}
