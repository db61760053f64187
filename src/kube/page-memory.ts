/** Memory for the bodies of pages, used again once a page is done with. */
export interface PageMemory {
  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer;
  /** Gives back what `page` lies in, if it came from here: its bytes are another page's from now on. */
  give(page: Buffer): void;
}

/** Less than this is not worth keeping apart. */
const SMALLEST_BYTES = 512 * 1024;
/** Larger pages are rare: they are left to the collector. */
const LARGEST_KEPT_BYTES = 8 * 1024 * 1024;
/** Of four LISTs, each with a page in work and the next one on its way. */
const MOST_KEPT = 8;

/** Without it each page of a LIST is memory outside the heap for whose sake the whole heap is collected. */
export function createPageMemory(): PageMemory {
  const spare: Buffer[] = [];
  const lent = new WeakSet<ArrayBufferLike>();
  return {
    take(bytes) {
      const at = spare.findIndex((each) => each.length >= bytes);
      const [memory = Buffer.allocUnsafeSlow(Math.max(bytes, SMALLEST_BYTES))] = at < 0 ? [] : spare.splice(at, 1);
      lent.add(memory.buffer);
      return memory;
    },
    give({ buffer }) {
      if (!lent.delete(buffer) || buffer.byteLength > LARGEST_KEPT_BYTES) return;
      if (spare.length === MOST_KEPT) spare.shift();
      spare.push(Buffer.from(buffer));
    },
  };
}
