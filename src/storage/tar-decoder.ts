/**
 * A strict tar reader. Archives come from outside: what a lenient reader repairs or skips (entries after the end,
 * global PAX paths, sparse files, links) is where two readers would disagree, so it is refused and named.
 */

import { BLOCK, FIELD, paddedLength, sumBytes } from "./tar-header.ts";
import { pathOfPax } from "./tar-pax.ts";
import { TarRefusal } from "./tar-refusal.ts";

/** One regular file. `body` shares memory with the chunk it came in. */
export interface TarEntry {
  readonly path: string;
  readonly body: Buffer;
}

/** Turns tar bytes into files. */
export interface TarDecoder {
  /** The files that are complete now. @throws TarRefusal */
  write(chunk: Buffer): Generator<TarEntry>;
  /** @throws TarRefusal when the archive's two zero blocks were not seen. */
  end(): void;
}

/** What one entry may be, and how many. */
export interface TarLimits {
  readonly entries: number;
  readonly entryBytes: number;
}

/** Extension headers hold a path of at most a few kB; a PAX bomb holds a gigabyte, or a million of them. */
const EXTENSION_BYTES = 64 * 1024;
const EXTENSIONS_PER_ENTRY = 4;

const REFUSED_TYPES: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
  "7": "a contiguous file",
  S: "a GNU sparse file",
  M: "a continued file of a multi-volume archive",
  V: "a volume label",
};

interface Header {
  readonly path: string;
  readonly type: string;
  readonly size: number;
}

/** A decoder at the start of an archive. */
export function createTarDecoder(limits: TarLimits): TarDecoder {
  return new StrictDecoder(limits);
}

class StrictDecoder implements TarDecoder {
  readonly #limits: TarLimits;
  readonly #input = new BlockInput();
  /** Undefined between entries. */
  #current: Header | undefined;
  /** The path that extension headers gave to the next entry. */
  #longPath: string | undefined;
  #extensions = 0;
  #entries = 0;
  #zeroBlocks = 0;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  *write(chunk: Buffer): Generator<TarEntry> {
    this.#input.push(chunk);
    for (;;) {
      const header = this.#current;
      const block = this.#input.take(header === undefined ? BLOCK : paddedLength(header.size));
      if (block === undefined) return;
      if (header === undefined) {
        this.#readHeader(block);
        continue;
      }
      this.#current = undefined;
      const entry = this.#readBody(header, block.subarray(0, header.size));
      if (entry !== undefined) yield entry;
    }
  }

  end(): void {
    if (this.#current !== undefined) {
      throw new TarRefusal("truncated", this.#longPath ?? this.#current.path, "it ends in the middle of an entry");
    }
    if (this.#zeroBlocks < 2 || this.#extensions > 0) {
      throw new TarRefusal("truncated", "", "it ends without the two zero blocks");
    }
    if (this.#input.length > 0) throw new TarRefusal("truncated", "", "it ends in the middle of a block");
  }

  #readHeader(block: Buffer): void {
    if (isZero(block)) {
      this.#zeroBlocks += 1;
      return;
    }
    if (this.#zeroBlocks > 0) {
      throw new TarRefusal("invalid", "", "there is data after a zero block, which ends an archive");
    }
    const header = decodeHeader(block);
    this.#entries += 1;
    if (this.#entries > this.#limits.entries) {
      throw new TarRefusal("unsafe", header.path, `it has more than ${this.#limits.entries} entries`);
    }
    this.#checkType(header);
    this.#current = header;
  }

  #checkType(header: Header): void {
    const path = this.#longPath ?? header.path;
    const refused = REFUSED_TYPES[header.type];
    if (refused !== undefined) throw new TarRefusal("unsafe", path, `it is ${refused}`);
    if (isExtension(header.type)) {
      this.#extensions += 1;
      if (header.size > EXTENSION_BYTES || this.#extensions > EXTENSIONS_PER_ENTRY) {
        throw new TarRefusal("unsafe", header.path, "its extended headers are too large");
      }
      return;
    }
    if (header.type !== "0" && header.type !== "5") {
      throw new TarRefusal("unsafe", path, `its type ${JSON.stringify(header.type)} is not known`);
    }
    if (header.size > this.#limits.entryBytes) {
      throw new TarRefusal("unsafe", path, `it is larger than ${this.#limits.entryBytes} bytes`);
    }
  }

  #readBody(header: Header, body: Buffer): TarEntry | undefined {
    if (isExtension(header.type)) {
      this.#longPath = pathOfExtension(header.type, body) ?? this.#longPath;
      return undefined;
    }
    const path = this.#longPath ?? header.path;
    this.#longPath = undefined;
    this.#extensions = 0;
    return header.type === "0" ? { path, body } : undefined;
  }
}

function pathOfExtension(type: string, body: Buffer): string | undefined {
  if (type === "L") return body.toString("utf8").replace(/\0+$/, "");
  return type === "K" ? undefined : pathOfPax(body, type === "g");
}

function isExtension(type: string): boolean {
  return type === "x" || type === "g" || type === "L" || type === "K";
}

function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

function decodeHeader(block: Buffer): Header {
  const path = field(block, FIELD.name);
  if (octalField(block, FIELD.checksum) !== checksum(block)) {
    throw new TarRefusal("invalid", "", "the checksum of a tar header is wrong");
  }
  const magic = block.toString("latin1", FIELD.magic.at, FIELD.magic.at + FIELD.magic.length);
  const isPosix = magic === "ustar\u000000";
  if (!isPosix && magic !== "ustar  \0")
    throw new TarRefusal("invalid", path, "its header is neither POSIX nor GNU tar");
  const prefix = isPosix ? field(block, FIELD.prefix) : "";
  const whole = prefix === "" ? path : `${prefix}/${path}`;
  const flag = block.toString("latin1", FIELD.type.at, FIELD.type.at + 1);
  const type = flag === "\0" ? (whole.endsWith("/") ? "5" : "0") : flag;
  const size = sizeField(block);
  if (size === undefined) throw new TarRefusal("invalid", whole, "the size in its header is not a number");
  return { path: whole, type, size };
}

function field(block: Buffer, { at, length }: { readonly at: number; readonly length: number }): string {
  const end = block.indexOf(0, at);
  return block.toString("utf8", at, end < 0 || end > at + length ? at + length : end);
}

function octalField(block: Buffer, where: { readonly at: number; readonly length: number }): number | undefined {
  const text = block
    .toString("latin1", where.at, where.at + where.length)
    .replace(/[\0 ]+$/, "")
    .trimStart();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** Octal digits, or GNU's binary form for sizes beyond 8 GiB: far above any limit, but a number all the same. */
function sizeField(block: Buffer): number | undefined {
  if ((block[FIELD.size.at] ?? 0) < 0x80) return octalField(block, FIELD.size);
  return block[FIELD.size.at] === 0x80 ? Number(block.readBigUInt64BE(FIELD.size.at + 4)) : undefined;
}

/** The sum of all bytes, those of the checksum itself counted as spaces. */
function checksum(block: Buffer): number {
  const { at, length } = FIELD.checksum;
  return sumBytes(block, 0, at) + length * 0x20 + sumBytes(block, at + length, BLOCK);
}

/** Bytes in, pieces of asked-for lengths out. */
class BlockInput {
  #chunks: Buffer[] = [];
  #offset = 0;
  #available = 0;

  get length(): number {
    return this.#available;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /** Exactly `length` bytes, or undefined when there are fewer. */
  take(length: number): Buffer | undefined {
    if (this.#available < length) return undefined;
    if (this.#chunks.length > 1 && (this.#chunks[0]?.length ?? 0) - this.#offset < length) this.#join();
    const [first] = this.#chunks;
    if (first === undefined) return Buffer.alloc(0);
    const taken = first.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    this.#available -= length;
    if (this.#offset === first.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    return taken;
  }

  #join(): void {
    const [first = Buffer.alloc(0), ...rest] = this.#chunks;
    this.#chunks = [Buffer.concat([first.subarray(this.#offset), ...rest])];
    this.#offset = 0;
  }
}
