import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { createCountingStore } from "../../src/storage/counting-store.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { configMap, type TestItem, writeBackup } from "../../src/storage/testing.ts";

const run = promisify(execFile);
const OBJECTS = 100_000;

describe("an archive of a hundred thousand objects", () => {
  let root: string;
  let store: FsStore;
  let sizeBytes = 0;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "holdfast-archive-"));
    store = new FsStore(root);
    sizeBytes = (await writeBackup(store, mixedItems(OBJECTS))).sizeBytes;
  });
  afterAll(async () => await rm(root, { recursive: true }));

  it("gives one object for under 1% of its bytes, manifest and index among them", async () => {
    const { store: counted, traffic } = createCountingStore(store);

    const reader = await openBackup(counted, "backup");
    const row = await reader.row("configmaps", { namespace: "ns-17", name: "object-070017" });
    const body = row && (await reader.read(row));

    expect(JSON.parse(body?.toString() ?? "{}").metadata).toMatchObject({ name: "object-070017", namespace: "ns-17" });
    expect(sizeBytes).toBeGreaterThan(20_000_000);
    expect(traffic.requests).toBe(4); // marker, manifest, one range of the index, one of the archive
    expect(traffic.bytesRead / sizeBytes).toBeLessThan(0.01);
  });

  it("is read by GNU tar, each object once", async () => {
    const { stdout } = await run("tar", ["tzf", join(root, "backups/backup/backup.tar.gz")], {
      maxBuffer: 64 * 1024 * 1024,
    });

    const paths = stdout.trim().split("\n");
    expect(paths[0]).toBe("metadata/version");
    expect(new Set(paths).size).toBe(OBJECTS + 1);
    expect(paths.length).toBe(OBJECTS + 1);
  });

  it("gives every object of one resource in one pass", async () => {
    const { store: counted, traffic } = createCountingStore(store);
    const reader = await openBackup(counted, "backup");

    let read = 0;
    for await (const { row, body } of reader.readMany(reader.rows("secrets")))
      read += body.length === row.length ? 1 : 0;

    expect(read).toBe(OBJECTS / 10);
    expect(traffic.bytesRead).toBeLessThan(sizeBytes * 0.2);
  });
});

/** Nine ConfigMaps and a Secret, over again, in an order unlike the index's. */
function* mixedItems(count: number): Generator<TestItem> {
  let state = 1;
  const random = (): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state.toString(36);
  };
  for (let i = 0; i < count; i++) {
    const item = configMap(`ns-${i % 50}`, `object-${String(i).padStart(6, "0")}`, 900);
    const metadata = { ...item.object.metadata, uid: `${random()}-${random()}-${random()}-${random()}` };
    const data = { ...(item.object.data as object), token: Array.from({ length: 20 }, random).join("") };
    const isSecret = i % 10 === 0;
    yield {
      resource: isSecret ? "secrets" : "configmaps",
      object: { ...item.object, kind: isSecret ? "Secret" : "ConfigMap", metadata, data },
    };
  }
}
