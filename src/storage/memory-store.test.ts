import { MemoryStore } from "./memory-store.ts";
import { describeObjectStore } from "./object-store.contract.ts";

describeObjectStore("memory", async () => ({ store: new MemoryStore(), leftovers: async () => [] }), {
  largeBytes: 1_000_000,
  manyObjects: 100,
});
