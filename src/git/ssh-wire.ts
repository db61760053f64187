/** SSH's binary encoding (RFC 4251 §5): strings and integers with their length in front. */

export interface SshReader {
  readonly done: boolean;
  uint32(): number;
  byte(): number;
  /** A string's bytes. @throws {RangeError} when it reaches beyond the end */
  bytes(): Buffer;
  text(): string;
  /** So many bytes without a length. */
  raw(length: number): Buffer;
}

/** Reads from the start of `source`. */
export function readSsh(source: Buffer): SshReader {
  let at = 0;
  const raw = (length: number): Buffer => {
    if (length > source.length - at) throw new RangeError("the key or signature is cut");
    at += length;
    return source.subarray(at - length, at);
  };
  const uint32 = (): number => raw(4).readUInt32BE(0);
  return {
    get done() {
      return at === source.length;
    },
    uint32,
    byte: () => raw(1).readUInt8(0),
    bytes: () => raw(uint32()),
    text: () => raw(uint32()).toString("latin1"),
    raw,
  };
}

/** One string: its length, then its bytes. */
export function sshString(content: string | Uint8Array): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive integer as SSH writes it: without leading zeros, with one where the sign bit would be set. */
export function sshInteger(magnitude: Uint8Array): Buffer {
  const bytes = trimZeros(magnitude);
  const needsZero = (bytes[0] ?? 0) >= 0x80;
  return sshString(needsZero ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** Drops leading zeros. */
export function trimZeros(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length && bytes[from] === 0) from += 1;
  return Buffer.from(bytes.subarray(from));
}
