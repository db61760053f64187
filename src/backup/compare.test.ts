import { beforeAll, describe, expect, it } from "vitest";
import { openBackup } from "../storage/backup-reader.ts";
import { createCountingStore } from "../storage/counting-store.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { configMap, writeBackup } from "../storage/testing.ts";
import { compareBackups } from "./compare.ts";
import { searchBackup } from "./search.ts";

const NAMESPACES = Array.from({ length: 6 }, (_, number) => `ns-${number}`);

/** Two backups of 3,000 ConfigMaps in six namespaces; of each namespace one has other data in the second. */
async function twoBackups() {
  const { store, traffic } = createCountingStore(new MemoryStore());
  for (const name of ["old", "new"]) {
    const items = NAMESPACES.flatMap((namespace) =>
      Array.from({ length: 500 }, (_, i) => configMap(namespace, `cm-${i}`, name === "new" && i === 300 ? 90 : 100)),
    );
    await writeBackup(store, items, { name, memberBytes: 64 * 1024 });
  }
  const [before, after] = [await openBackup(store, "old"), await openBackup(store, "new")];
  const index = before.manifest?.files.find(({ name }) => name === "holdfast-index.jsonl.gz")?.sizeBytes ?? 0;
  /** What `read` gives, and the bytes it took. */
  const counted = async <T>(read: () => AsyncIterable<T>): Promise<{ found: T[]; bytes: number }> => {
    traffic.bytesRead = 0;
    const found: T[] = [];
    for await (const each of read()) found.push(each);
    return { found, bytes: traffic.bytesRead };
  };
  return { before, after, index, counted };
}

describe("in one namespace of many", () => {
  let backups: Awaited<ReturnType<typeof twoBackups>>;
  beforeAll(async () => {
    backups = await twoBackups();
  });

  it("a comparison reads the parts of both indexes that hold the namespace's rows, and the objects that differ", async () => {
    const { before, after, index, counted } = backups;

    const all = await counted(() => compareBackups(before, after));
    const one = await counted(() => compareBackups(before, after, { namespace: "ns-3" }));

    expect(all.found.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(
      NAMESPACES.map((namespace) => `${namespace}/cm-300`),
    );
    expect(one.found).toEqual(all.found.filter(({ namespace }) => namespace === "ns-3"));
    expect(all.bytes).toBeGreaterThan(2 * index);
    expect(one.bytes).toBeLessThan(index);
  });

  it("a search reads the part of the index that holds the namespace's rows, and their objects", async () => {
    const { before, index, counted } = await twoBackups();
    const find = (text: string) => (text === "cm-300" ? 0 : -1);

    const all = await counted(() => searchBackup(before, find));
    const one = await counted(() => searchBackup(before, find, { namespace: "ns-3" }));

    expect(all.found.map(({ row }) => row.namespace)).toEqual(NAMESPACES);
    expect(one.found.map(({ row, path }) => [row.namespace, path])).toEqual([["ns-3", "/metadata/name"]]);
    expect(all.bytes).toBeGreaterThan(index);
    expect(one.bytes).toBeLessThan(index);
  });
});
