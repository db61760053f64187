import type { PageMemory } from "./page-memory.ts";

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
 * the chunks and concatenating them would. `expectedBytes` is a guess; a wrong one costs a copy. Bodies of more than one
 * chunk lie in memory of `pages`, where there is such.
 */
export function createBodyBuffer(expectedBytes: number, pages?: PageMemory): BodyBuffer {
  let memory: Buffer | undefined;
  let length = 0;

  function grown(needed: number): Buffer {
    const bytes = Math.max(SMALLEST_BYTES, expectedBytes, needed, (memory?.length ?? 0) * 2);
    const larger = pages?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
    memory?.copy(larger, 0, 0, length);
    if (memory !== undefined) pages?.give(memory);
    return larger;
  }

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
      if (memory === undefined || memory.length < length + chunk.length) memory = grown(length + chunk.length);
      chunk.copy(memory, length);
      length += chunk.length;
    },
    bytes: () => memory?.subarray(0, length) ?? Buffer.alloc(0),
  };
}
