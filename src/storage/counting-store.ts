import { Transform } from "node:stream";
import type { ObjectStore } from "./object-store.ts";

/** What was asked of a store, and what it gave. */
export interface StoreTraffic {
  requests: number;
  bytesRead: number;
}

/** A store that counts what is read from it, in bytes as they leave it. */
export function createCountingStore(store: ObjectStore): {
  readonly store: ObjectStore;
  readonly traffic: StoreTraffic;
} {
  const traffic = { requests: 0, bytesRead: 0 };
  const counted: ObjectStore = {
    location: store.location,
    put: (key, body, options) => store.put(key, body, options),
    get: async (key, signal) => {
      traffic.requests += 1;
      const source = await store.get(key, signal);
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          traffic.bytesRead += chunk.length;
          done(null, chunk);
        },
      });
      counter.on("error", () => {}); // met by whoever reads
      source.on("error", (error) => counter.destroy(error));
      counter.on("close", () => source.destroy());
      return source.pipe(counter);
    },
    getRange: async (key, offset, length, signal) => {
      traffic.requests += 1;
      const bytes = await store.getRange(key, offset, length, signal);
      traffic.bytesRead += bytes.length;
      return bytes;
    },
    head: (key, signal) => {
      traffic.requests += 1;
      return store.head(key, signal);
    },
    list: (prefix, signal) => {
      traffic.requests += 1;
      return store.list(prefix, signal);
    },
    listPrefixes: (prefix, signal) => {
      traffic.requests += 1;
      return store.listPrefixes(prefix, signal);
    },
    delete: (key, signal) => store.delete(key, signal),
    abortUploads: (key, signal) => store.abortUploads(key, signal),
  };
  return { store: counted, traffic };
}
