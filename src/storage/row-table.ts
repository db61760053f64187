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
  /** 64 hex digits, both. */
  readonly sha256: string;
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
  return new EncodedRows();
}

class EncodedRows implements RowTable {
  #bytes = Buffer.allocUnsafe(4096);
  #used = 0;
  /** Where each row starts, in the order in which they came. */
  #starts = new Uint32Array(16);
  #size = 0;
  #classic = 0;
  /** Row number + 1 by key hash, open addressing, at most half full. */
  #slots = new Uint32Array(32);
  readonly #shapes: Shape[] = [];

  get size(): number {
    return this.#size;
  }

  get classic(): number {
    return this.#classic;
  }

  add(row: TableRow): boolean {
    const start = this.#used;
    const keyStart = start + AT.key;
    const keyEnd = this.#writeKey(row.namespace, row.name, row.versionFolder);
    const hash = hashKey(this.#bytes, keyStart, keyEnd);
    if (this.#findRow(this.#bytes, keyStart, keyEnd, hash) >= 0) return false;
    this.#bytes.writeUInt32LE(row.member, start + AT.member);
    this.#bytes.writeDoubleLE(row.offset, start + AT.offset);
    this.#bytes.writeUInt32LE(row.length, start + AT.length);
    this.#bytes.writeUInt16LE(this.#shapeOf(row), start + AT.shape);
    this.#bytes.writeUInt16LE(keyEnd - keyStart, start + AT.keyLength);
    this.#bytes.write(row.sha256, start + AT.sha256, 32, "hex");
    this.#bytes.write(row.content, start + AT.content, 32, "hex");
    this.#slots[this.#freeSlot(hash)] = this.#size + 1;
    this.#starts[this.#size] = start;
    this.#size += 1;
    if (row.versionFolder === "") this.#classic += 1;
    this.#used = keyEnd;
    return true;
  }

  has(namespace: string, name: string, versionFolder: string): boolean {
    return this.#lookUp(namespace, name, versionFolder) >= 0;
  }

  find(namespace: string, name: string, versionFolder: string): TableRow | undefined {
    const row = this.#lookUp(namespace, name, versionFolder);
    return row < 0 ? undefined : this.#decode(row);
  }

  *sorted(): Generator<TableRow> {
    // LISTs come nearly sorted, which Array's merge sort takes in linear time and a typed array's does not.
    const order = Array.from({ length: this.#size }, (_, row) => row);
    const [bytes, starts] = [this.#bytes, this.#starts];
    order.sort((a, b) => {
      const left = starts[a] ?? 0;
      const right = starts[b] ?? 0;
      return bytes.compare(bytes, right + AT.key, this.#keyEnd(right), left + AT.key, this.#keyEnd(left));
    });
    for (const row of order) yield this.#decode(row);
  }

  #keyEnd(start: number): number {
    return start + AT.key + this.#bytes.readUInt16LE(start + AT.keyLength);
  }

  #reserve(length: number): void {
    if (this.#used + length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + length));
      this.#bytes.copy(grown, 0, 0, this.#used);
      this.#bytes = grown;
    }
    if (this.#size === this.#starts.length) {
      const grown = new Uint32Array(this.#size * 2);
      grown.set(this.#starts);
      this.#starts = grown;
    }
    if (this.#size * 2 >= this.#slots.length) this.#rehash();
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#size; row++) {
      const start = this.#starts[row] ?? 0;
      this.#slots[this.#freeSlot(hashKey(this.#bytes, start + AT.key, this.#keyEnd(start)))] = row + 1;
    }
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  #lookUp(namespace: string, name: string, versionFolder: string): number {
    const keyStart = this.#used + AT.key;
    const keyEnd = this.#writeKey(namespace, name, versionFolder);
    return this.#findRow(this.#bytes, keyStart, keyEnd, hashKey(this.#bytes, keyStart, keyEnd));
  }

  /** Writes a key where that of the next row would stand, without an allocation; answers its end. */
  #writeKey(namespace: string, name: string, versionFolder: string): number {
    const key = keyText(namespace, name, versionFolder);
    this.#reserve(AT.key + key.length * 3);
    return this.#used + AT.key + this.#bytes.write(key, this.#used + AT.key);
  }

  /** The number of the row whose key stands in `source`, or -1. */
  #findRow(source: Buffer, keyStart: number, keyEnd: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot] ?? 0;
      if (row === 0) return -1;
      const start = this.#starts[row - 1] ?? 0;
      if (this.#bytes.compare(source, keyStart, keyEnd, start + AT.key, this.#keyEnd(start)) === 0) return row - 1;
    }
  }

  #shapeOf({ version, kind, versionFolder }: TableRow): number {
    const known = this.#shapes.findIndex(
      (each) => each.version === version && each.kind === kind && each.versionFolder === versionFolder,
    );
    return known >= 0 ? known : this.#shapes.push({ version, kind, versionFolder }) - 1;
  }

  #decode(row: number): TableRow {
    const bytes = this.#bytes;
    const start = this.#starts[row] ?? 0;
    const [namespace = "", name = ""] = bytes.toString("utf8", start + AT.key, this.#keyEnd(start)).split("\0");
    const shape = this.#shapes[bytes.readUInt16LE(start + AT.shape)] ?? { version: "", kind: "", versionFolder: "" };
    return {
      ...shape,
      namespace,
      name,
      member: bytes.readUInt32LE(start + AT.member),
      offset: bytes.readDoubleLE(start + AT.offset),
      length: bytes.readUInt32LE(start + AT.length),
      sha256: bytes.toString("hex", start + AT.sha256, start + AT.content),
      content: bytes.toString("hex", start + AT.content, start + AT.key),
    };
  }
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
