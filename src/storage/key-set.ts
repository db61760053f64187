/** A set of strings that keeps 64 bits of each, so that five million paths take 80 MB and not 800. */
export interface KeySet {
  /** False when the key was there. Two keys are taken for one with a chance of 1 in 10^7 at a million keys. */
  add(key: string): boolean;
}

/** An empty set. */
export function createKeySet(): KeySet {
  let high = new Uint32Array(1024);
  let low = new Uint32Array(1024);
  let size = 0;

  function insert(first: number, second: number): boolean {
    const mask = high.length - 1;
    let slot = first & mask;
    while (high[slot] !== 0 || low[slot] !== 0) {
      if (high[slot] === first && low[slot] === second) return false;
      slot = (slot + 1) & mask;
    }
    high[slot] = first;
    low[slot] = second;
    return true;
  }

  function grow(): void {
    const [oldHigh, oldLow] = [high, low];
    high = new Uint32Array(oldHigh.length * 2);
    low = new Uint32Array(oldHigh.length * 2);
    for (let slot = 0; slot < oldHigh.length; slot++) {
      const [first = 0, second = 0] = [oldHigh[slot], oldLow[slot]];
      if (first !== 0 || second !== 0) insert(first, second);
    }
  }

  function add(key: string): boolean {
    // Two unrelated 32-bit hashes; the last bit is set because two zeros mean a free slot.
    let first = 0x811c9dc5;
    let second = 0x9747b28c;
    for (let index = 0; index < key.length; index++) {
      const unit = key.charCodeAt(index);
      first = Math.imul(first ^ unit, 0x01000193);
      second = Math.imul((second << 5) | (second >>> 27), 0x85ebca6b) + unit;
    }
    first = (first ^ (first >>> 15)) >>> 0;
    const added = insert(first, ((second ^ (second >>> 13)) | 1) >>> 0);
    if (added) size += 1;
    if (size * 2 > high.length) grow();
    return added;
  }

  return { add };
}
