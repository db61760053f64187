/**
 * Tar headers, written by hand into the member's buffer: at a hundred thousand entries a stream and a header object per
 * entry cost more than the compression. POSIX ustar; PAX where a path fits no ustar field. Read by GNU tar, Go and Python.
 */

/** Tar's unit: headers and bodies are padded to it. */
export const BLOCK = 512;

/** Offsets and lengths of the ustar fields in use. */
export const FIELD = {
  name: { at: 0, length: 100 },
  size: { at: 124, length: 12 },
  checksum: { at: 148, length: 8 },
  type: { at: 156, length: 1 },
  link: { at: 157, length: 100 },
  magic: { at: 257, length: 8 },
  prefix: { at: 345, length: 155 },
} as const;

/** `size` rounded up to whole blocks. */
export function paddedLength(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Bytes that header and padded body of an entry take; with the PAX records of a long path. */
export function entryLength(path: string, sizeBytes: number): number {
  return headerLength(path) + paddedLength(sizeBytes);
}

/** Writes the headers of regular files of one time and mode 0755. */
export interface TarHeaderWriter {
  /** Writes the header of `path` at `at`; returns where the body starts. The target must have room. */
  write(target: Buffer, at: number, path: string, sizeBytes: number): number;
}

/** A header writer; `modifiedMs` is ms since the epoch, kept in seconds. */
export function createTarHeaderWriter(modifiedMs: number): TarHeaderWriter {
  const template = templateHeader(Math.max(0, Math.floor(modifiedMs / 1000)));
  const templateSum = sumBytes(template, 0, BLOCK);

  function plain(
    target: Buffer,
    at: number,
    header: { name: string; prefix: string; type: string; size: number },
  ): void {
    template.copy(target, at);
    target.write(header.name, at + FIELD.name.at);
    target.write(header.prefix, at + FIELD.prefix.at, FIELD.prefix.length);
    target.write(octal(header.size, 11), at + FIELD.size.at);
    target.write(header.type, at + FIELD.type.at);
    const total =
      templateSum +
      sumBytes(target, at + FIELD.name.at, at + FIELD.name.at + header.name.length) +
      sumBytes(target, at + FIELD.prefix.at, at + FIELD.prefix.at + header.prefix.length) +
      sumBytes(target, at + FIELD.size.at, at + FIELD.size.at + 11) +
      sumBytes(target, at + FIELD.type.at, at + FIELD.type.at + 1);
    target.write(`${octal(total, 6)}\0 `, at + FIELD.checksum.at);
  }

  function write(target: Buffer, at: number, path: string, sizeBytes: number): number {
    const split = splitPath(path);
    if (split !== undefined) {
      plain(target, at, { ...split, type: "0", size: sizeBytes });
      return at + BLOCK;
    }
    const record = paxRecord("path", path);
    const short = asciiTail(path);
    plain(target, at, { name: `PaxHeaders.0/${short.slice(-80)}`, prefix: "", type: "x", size: record.length });
    const recordAt = at + BLOCK;
    record.copy(target, recordAt);
    const next = recordAt + paddedLength(record.length);
    target.fill(0, recordAt + record.length, next);
    plain(target, next, { name: short, prefix: "", type: "0", size: sizeBytes });
    return next + BLOCK;
  }

  return { write };
}

/** Everything that no entry changes; the fields that vary are zero and so add nothing to the sum. */
function templateHeader(modifiedSeconds: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write("0000755\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${octal(modifiedSeconds, 11)}\0`, 136);
  header.write("        ", FIELD.checksum.at);
  header.write("ustar\u000000", FIELD.magic.at);
  header.write("0000000\0", 329);
  header.write("0000000\0", 337);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** The sum of the bytes from `start` up to `end`. */
export function sumBytes(bytes: Buffer, start: number, end: number): number {
  let total = 0;
  for (let index = start; index < end; index++) total += bytes[index] ?? 0;
  return total;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII without NUL is what ustar's fields hold
const ASCII = /^[\u0001-\u007f]*$/;

/** Name and prefix of a path that fits ustar's two fields, or undefined. */
function splitPath(path: string): { name: string; prefix: string } | undefined {
  if (!ASCII.test(path)) return undefined;
  if (path.length <= FIELD.name.length) return { name: path, prefix: "" };
  const slash = path.indexOf("/", path.length - FIELD.name.length - 1);
  if (slash <= 0 || slash > FIELD.prefix.length) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function headerLength(path: string): number {
  return splitPath(path) === undefined ? 2 * BLOCK + paddedLength(paxRecord("path", path).length) : BLOCK;
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** What readers without PAX show for a long path: its end, in ASCII. */
function asciiTail(path: string): string {
  return path.replace(/[^\u0020-\u007e]/g, "_").slice(-FIELD.name.length);
}
