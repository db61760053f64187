/**
 * A strict tar reader. Archives come from outside: what a lenient reader repairs or skips (entries after the end,
 * global PAX paths, sparse files, links) is where two readers would disagree, so it is refused and named.
 */

import { BLOCK, FIELD, paddedLength } from "./tar-header.ts";
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
  const input = createBlockInput();
  /** Undefined between entries. */
  let current: Header | undefined;
  /** The path that extension headers gave to the next entry. */
  let longPath: string | undefined;
  let extensions = 0;
  let entries = 0;
  let zeroBlocks = 0;

  function* write(chunk: Buffer): Generator<TarEntry> {
    input.push(chunk);
    for (;;) {
      const block = input.take(current === undefined ? BLOCK : paddedLength(current.size));
      if (block === undefined) return;
      if (current === undefined) {
        readHeader(block);
        continue;
      }
      const header = current;
      current = undefined;
      const entry = readBody(header, block.subarray(0, header.size));
      if (entry !== undefined) yield entry;
    }
  }

  function readHeader(block: Buffer): void {
    if (isZero(block)) {
      zeroBlocks += 1;
      return;
    }
    if (zeroBlocks > 0) throw new TarRefusal("invalid", "", "there is data after a zero block, which ends an archive");
    const header = decodeHeader(block);
    entries += 1;
    if (entries > limits.entries)
      throw new TarRefusal("unsafe", header.path, `it has more than ${limits.entries} entries`);
    checkType(header);
    current = header;
  }

  function checkType(header: Header): void {
    const refused = REFUSED_TYPES[header.type];
    if (refused !== undefined) throw new TarRefusal("unsafe", longPath ?? header.path, `it is ${refused}`);
    if (isExtension(header.type)) {
      extensions += 1;
      if (header.size > EXTENSION_BYTES || extensions > EXTENSIONS_PER_ENTRY) {
        throw new TarRefusal("unsafe", header.path, "its extended headers are too large");
      }
      return;
    }
    if (header.type !== "0" && header.type !== "5") {
      throw new TarRefusal("unsafe", header.path, `its type ${JSON.stringify(header.type)} is not known`);
    }
    if (header.size > limits.entryBytes) {
      throw new TarRefusal("unsafe", longPath ?? header.path, `it is larger than ${limits.entryBytes} bytes`);
    }
  }

  function readBody(header: Header, body: Buffer): TarEntry | undefined {
    if (header.type === "x" || header.type === "g") {
      const path = pathOfPax(body, header.type === "g");
      if (path !== undefined) longPath = path;
      return undefined;
    }
    if (header.type === "L" || header.type === "K") {
      if (header.type === "L") longPath = body.toString("utf8").replace(/\0+$/, "");
      return undefined;
    }
    const path = longPath ?? header.path;
    longPath = undefined;
    extensions = 0;
    return header.type === "0" ? { path, body } : undefined;
  }

  function end(): void {
    if (current !== undefined)
      throw new TarRefusal("truncated", longPath ?? current.path, "it ends in the middle of an entry");
    if (zeroBlocks < 2 || extensions > 0) throw new TarRefusal("truncated", "", "it ends without the two zero blocks");
    if (input.length > 0) throw new TarRefusal("truncated", "", "it ends in the middle of a block");
  }

  return { write, end };
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
  let total = 0;
  for (const byte of block) total += byte;
  for (let index = FIELD.checksum.at; index < FIELD.checksum.at + FIELD.checksum.length; index++) {
    total += 32 - (block[index] ?? 0);
  }
  return total;
}

interface BlockInput {
  readonly length: number;
  push(chunk: Buffer): void;
  /** Exactly `length` bytes, or undefined when there are fewer. */
  take(length: number): Buffer | undefined;
}

function createBlockInput(): BlockInput {
  let chunks: Buffer[] = [];
  let offset = 0;
  let available = 0;

  function take(length: number): Buffer | undefined {
    if (available < length) return undefined;
    if (chunks.length > 1 && (chunks[0]?.length ?? 0) - offset < length) {
      chunks = [Buffer.concat([(chunks[0] ?? Buffer.alloc(0)).subarray(offset), ...chunks.slice(1)])];
      offset = 0;
    }
    const [first] = chunks;
    if (first === undefined) return Buffer.alloc(0);
    const taken = first.subarray(offset, offset + length);
    offset += length;
    available -= length;
    if (offset === first.length) {
      chunks.shift();
      offset = 0;
    }
    return taken;
  }

  return {
    get length() {
      return available;
    },
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      available += chunk.length;
    },
    take,
  };
}
