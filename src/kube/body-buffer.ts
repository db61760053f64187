/** Bytes of one body, gathered into one piece of memory. */
export interface BodyBuffer {
  readonly length: number;
  append(chunk: Buffer): void;
  /** What was appended, without a copy. */
  bytes(): Buffer;
}

const SMALLEST_BYTES = 16 * 1024;

/**
 * Gathers chunks by copying each into place, so that a page of many megabytes never stands twice in memory as keeping
 * the chunks and concatenating them would. `expectedBytes` is a guess; a wrong one costs a copy.
 */
export function createBodyBuffer(expectedBytes: number): BodyBuffer {
  let memory: Buffer | undefined;
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(chunk) {
      // most answers of a single object are one chunk: nothing to gather
      if (memory === undefined && expectedBytes <= chunk.length) {
        memory = chunk;
        length = chunk.length;
        return;
      }
      memory = grown(memory, length, length + chunk.length, expectedBytes);
      chunk.copy(memory, length);
      length += chunk.length;
    },
    bytes: () => memory?.subarray(0, length) ?? Buffer.alloc(0),
  };
}

function grown(memory: Buffer | undefined, used: number, needed: number, expectedBytes: number): Buffer {
  if (memory !== undefined && memory.length >= needed) return memory;
  const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST_BYTES, expectedBytes, needed, (memory?.length ?? 0) * 2));
  memory?.copy(larger, 0, 0, used);
  return larger;
}
