import type { GitObject } from "./object-id.ts";

/** Objects that are read again and again: the latest few MiB stay. */
export interface ObjectCache<Key> {
  get(key: Key): GitObject | undefined;
  /** Returns the object, kept or not. */
  put(key: Key, object: GitObject): GitObject;
}

/** An empty cache. What is larger than `largestBytes` is not kept, since it would push everything else out. */
export function createObjectCache<Key>(capacityBytes: number, largestBytes = capacityBytes): ObjectCache<Key> {
  const objects = new Map<Key, GitObject>();
  let held = 0;
  return {
    get: (key) => objects.get(key),
    put: (key, object) => {
      if (object.bytes.length > largestBytes || objects.has(key)) return object;
      objects.set(key, { type: object.type, bytes: ownMemory(object.bytes) });
      held += object.bytes.length;
      for (const [oldest, { bytes }] of objects) {
        if (held <= capacityBytes) break;
        objects.delete(oldest);
        held -= bytes.length;
      }
      return object;
    },
  };
}

/** Small buffers are pieces of Node's pool: each one that is kept would hold 64 KiB. */
function ownMemory(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}
