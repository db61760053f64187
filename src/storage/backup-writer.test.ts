import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openBackup } from "./backup-reader.ts";
import { createBackupWriter } from "./backup-writer.ts";
import type { Manifest } from "./manifest.ts";
import { MemoryStore } from "./memory-store.ts";
import { readAll } from "./streams.ts";
import { configMap, testMarker, writeBackup } from "./testing.ts";

const head: Omit<Manifest, "files"> = {
  formatVersion: 1,
  tool: { name: "holdfast", version: "0" },
  backup: "b",
  cluster: "c",
  clusterUid: "u",
  namespace: "n",
  startTimestamp: "",
  completionTimestamp: "",
  contentDigestVersion: 1,
  counts: { items: 0, resources: {}, warnings: 0, errors: 0 },
  lists: [],
  index: [],
};

describe("publishing a backup", () => {
  it.each<[string, (store: MemoryStore) => Promise<unknown>]>([
    ["has vanished", (store) => store.delete("backups/b/b-logs.gz")],
    ["is shorter than what was put", (store) => store.put("backups/b/b-logs.gz", Buffer.from("lo"))],
  ])("puts no marker when a file %s", async (_what, damage) => {
    const store = new MemoryStore();
    const writer = createBackupWriter(store, "b");
    await writer.put("logs", Buffer.from("logs"));
    await damage(store);

    await expect(writer.publish(head, testMarker("b"))).rejects.toMatchObject({ code: "BackupIncomplete" });

    expect(await store.head("backups/b/velero-backup.json")).toBeUndefined();
  });

  it("leaves what another run has written, and says so", async () => {
    const store = new MemoryStore();
    await store.put("backups/b/b-logs.gz", Buffer.from("another's"));
    const writer = createBackupWriter(store, "b");

    await expect(writer.put("logs", Buffer.from("ours"))).rejects.toMatchObject({ code: "StoreObjectExists" });

    expect((await readAll(await store.get("backups/b/b-logs.gz"))).toString()).toBe("another's");
    expect(writer.files).toEqual([]);
  });

  it("overwrites where the store knows no conditions", async () => {
    const store = new MemoryStore();
    await store.put("backups/b/b-logs.gz", Buffer.from("old"));

    await createBackupWriter(store, "b", { conditionalWrites: false }).put("logs", Buffer.from("new"));

    expect((await readAll(await store.get("backups/b/b-logs.gz"))).toString()).toBe("new");
  });
});

describe("the chain of digests", () => {
  it("covers the index: one bit in it, and none of its rows is given out", async () => {
    const store = new MemoryStore();
    await writeBackup(store, [configMap("ns", "a")]);
    const key = "backups/backup/holdfast-index.jsonl.gz";
    const bytes = await readAll(await store.get(key));
    bytes[9] = (bytes[9] ?? 0) ^ 1; // the operating system in gzip's header: nothing else would notice
    await store.put(key, bytes);

    const reader = await openBackup(store, "backup");

    await expect(reader.row("configmaps", { namespace: "ns", name: "a" })).rejects.toMatchObject({
      code: "DigestMismatch",
    });
    await expect(readAllRows(reader.rows("configmaps"))).rejects.toMatchObject({ code: "DigestMismatch" });
  });

  it("covers each body: another object in a member that is whole is not given out", async () => {
    const store = new MemoryStore();
    await writeBackup(store, [configMap("ns", "a", 3_000), configMap("ns", "b", 3_000)]);
    const reader = await openBackup(store, "backup");
    const row = await reader.row("configmaps", { namespace: "ns", name: "b" });
    if (row === undefined) throw new Error("the row is missing");
    const key = "backups/backup/backup.tar.gz";
    const archive = await readAll(await store.get(key));
    const tar = gunzipSync(archive.subarray(row.member, row.member + row.memberLength));
    tar.fill("x", row.offset + 200, row.offset + 2_000);
    const forged = gzipSync(tar);
    expect(forged.length).toBeLessThan(row.memberLength);
    archive.fill(0, row.member, row.member + row.memberLength);
    forged.copy(archive, row.member);
    await store.put(key, archive);

    await expect(reader.read(row)).rejects.toMatchObject({
      code: "DigestMismatch",
      message: expect.stringContaining("configmaps/ns/b"),
    });
    await expect(readAllRows(reader.readMany([row]))).rejects.toMatchObject({ code: "DigestMismatch" });
    await expect(reader.verifyArchive()).rejects.toMatchObject({ code: "DigestMismatch" });
  });
});

async function readAllRows(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _row of rows) count += 1;
  return count;
}
