import { createTarHeaderWriter, entryLength, paddedLength } from "./tar-header.ts";

/** The tar bytes of one member, while it is open. */
export interface MemberBuffer {
  readonly length: number;
  /** Appends one regular file; returns the offset of its body in the member. */
  append(path: string, body: Uint8Array): number;
  bytes(): Buffer;
}

/** Hands out member buffers and takes them back: a megabyte allocated per member would leave the heap in holes. */
export interface MemberBuffers {
  take(): MemberBuffer;
  /** Gives back a buffer whose bytes are no longer needed. */
  give(buffer: MemberBuffer): void;
  entryLength(path: string, sizeBytes: number): number;
}

/** Small resources are many: a buffer starts at this and doubles. */
const FIRST_BYTES = 32 * 1024;
/** Spare full-size buffers kept; more than are ever in the pipeline would never be used again. */
const SPARE = 8;

/** Buffers of `memberBytes` for entries of one time. */
export function createMemberBuffers(modifiedMs: number, memberBytes: number): MemberBuffers {
  const headers = createTarHeaderWriter(modifiedMs);
  const spare: Buffer[] = [];
  const owned = new WeakMap<MemberBuffer, () => Buffer>();

  function grown(bytes: Buffer, used: number, needed: number): Buffer {
    if (needed <= bytes.length) return bytes;
    const reused = needed <= memberBytes && needed > memberBytes / 4 ? spare.pop() : undefined;
    const size = needed > memberBytes ? needed : Math.min(memberBytes, Math.max(needed, bytes.length * 2));
    const larger = reused ?? Buffer.allocUnsafeSlow(size);
    bytes.copy(larger, 0, 0, used);
    return larger;
  }

  function take(): MemberBuffer {
    let bytes: Buffer = Buffer.alloc(0);
    let used = 0;
    const buffer: MemberBuffer = {
      get length() {
        return used;
      },
      append(path, body) {
        bytes = grown(bytes, used, Math.max(FIRST_BYTES, used + entryLength(path, body.length)));
        const start = headers.write(bytes, used, path, body.length);
        bytes.set(body, start);
        used = start + paddedLength(body.length);
        bytes.fill(0, start + body.length, used);
        return start;
      },
      bytes: () => bytes.subarray(0, used),
    };
    owned.set(buffer, () => bytes);
    return buffer;
  }

  function give(buffer: MemberBuffer): void {
    const bytes = owned.get(buffer)?.();
    if (bytes?.length === memberBytes && spare.length < SPARE) spare.push(bytes);
  }

  return { take, give, entryLength };
}
