import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsStore } from "./fs-store.ts";
import { describeObjectStore, type StoreUnderTest } from "./object-store.contract.ts";

const sizes = { largeBytes: 1_000_000, manyObjects: 100 };

describeObjectStore("filesystem", open, sizes);

async function open(): Promise<StoreUnderTest> {
  const root = await mkdtemp(join(tmpdir(), "holdfast-store-"));
  return {
    store: new FsStore(root),
    leftovers: async () => (await readdir(root, { recursive: true })).filter((path) => path.includes(".holdfast-")),
    close: async () => await rm(root, { recursive: true }),
  };
}
