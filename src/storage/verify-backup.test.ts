import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { createIndexReader } from "./index-reader.ts";
import { decodeManifest } from "./manifest.ts";
import { MemoryStore } from "./memory-store.ts";
import { readAll } from "./streams.ts";
import { configMap, writeBackup } from "./testing.ts";
import { type VerifyProblem, verifyBackup } from "./verify-backup.ts";

const ARCHIVE = "backups/backup/backup.tar.gz";
const INDEX = "backups/backup/holdfast-index.jsonl.gz";
const MANIFEST = "backups/backup/holdfast.json";
const COUNT = 40;

let store: MemoryStore;
beforeEach(async () => {
  store = new MemoryStore();
  const items = Array.from({ length: COUNT }, (_, i) => configMap("ns", `cm-${String(i).padStart(2, "0")}`, 3_000));
  await writeBackup(store, items, { memberBytes: 16_384 });
});

async function change(key: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  await store.put(key, edit(Buffer.from(await readAll(await store.get(key)))));
}

async function findings(readData: boolean): Promise<[VerifyProblem["type"], string][]> {
  return (await verifyBackup(store, "backup", { readData })).problems.map(({ type, at }) => [type, at]);
}

/** Where the member of one object lies in the archive. */
async function memberOf(name: string): Promise<{ offset: number; length: number }> {
  const manifest = decodeManifest(MANIFEST, await readAll(await store.get(MANIFEST)));
  const index = createIndexReader(store, { key: INDEX, members: manifest.index, signal: undefined });
  const row = await index.row("configmaps", { namespace: "ns", name });
  return { offset: row?.member ?? -1, length: row?.memberLength ?? -1 };
}

describe("verify", () => {
  it.each([true, false])("finds nothing wrong with a backup as it was put (readData: %s)", async (readData) => {
    const report = await verifyBackup(store, "backup", { readData });

    expect(report).toMatchObject({ madeBy: "holdfast", items: COUNT, files: 10, problems: [] });
    expect(report.markerSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, () => Promise<void>, [VerifyProblem["type"], string][]]>([
    ["a missing file", () => store.delete("backups/backup/backup-results.gz"), [["missing", "backup-results.gz"]]],
    ["an extra file", async () => void (await store.put("backups/backup/odd", Buffer.from("x"))), [["extra", "odd"]]],
    [
      "a truncated archive",
      () => change(ARCHIVE, (bytes) => bytes.subarray(0, -500)),
      [["truncated", "backup.tar.gz"]],
    ],
    ["a missing manifest", () => store.delete(MANIFEST), [["missing", "holdfast.json"]]],
    [
      "a changed manifest",
      () => change(MANIFEST, (bytes) => Buffer.concat([bytes, Buffer.from(" ")])),
      [["manifest", "holdfast.json"]],
    ],
    [
      "a claim that is gone",
      () => store.delete("backups/backup/holdfast-claim.json"),
      [["missing", "holdfast-claim.json"]],
    ],
    [
      "a marker that is no Backup",
      async () => void (await store.put("backups/backup/velero-backup.json", Buffer.from("{}"))),
      [["unreadable", "velero-backup.json"]],
    ],
  ])("names %s without reading bodies", async (_what, damage, expected) => {
    await damage();

    expect(await findings(false)).toEqual(expected);
  });

  it("names a flipped bit and the objects in its member", async () => {
    const { offset, length } = await memberOf("cm-20");
    await change(ARCHIVE, (bytes) => {
      bytes[offset + Math.floor(length / 2)] = (bytes[offset + Math.floor(length / 2)] ?? 0) ^ 0x10;
      return bytes;
    });

    expect(await findings(false)).toEqual([]);
    const report = await verifyBackup(store, "backup", { readData: true });
    expect(report.problems.map(({ type, at }) => [type, at.replace(/cm-\d+/, "cm-N")])).toEqual([
      ["flipped", "backup.tar.gz"],
      ["flipped", "backup.tar.gz: configmaps/ns/cm-N"],
    ]);
    expect(report.problems[1]?.message).toMatch(/objects are lost with it/);
    expect(report.items).toBeGreaterThan(COUNT / 2);
    expect(report.items).toBeLessThan(COUNT);
  });

  it("tells an archive replaced by another backup's from a damaged one", async () => {
    const other = new MemoryStore();
    await writeBackup(
      other,
      Array.from({ length: COUNT }, (_, i) => configMap("ns", `cm-${i}`, 2_000)),
    );
    await store.put(ARCHIVE, await readAll(await other.get(ARCHIVE)));

    expect((await findings(true))[0]).toEqual(["replaced", "backup.tar.gz"]);
  });

  it("tells a side file replaced by a whole one, a damaged one and a short one apart", async () => {
    const key = "backups/backup/backup-results.gz";
    const original = await readAll(await store.get(key));

    await store.put(key, gzipSync("{}\n"));
    expect(await findings(true)).toEqual([["replaced", "backup-results.gz"]]);
    await store.put(key, Buffer.alloc(original.length, 1));
    expect(await findings(true)).toEqual([["flipped", "backup-results.gz"]]);
    await store.put(key, original.subarray(1));
    expect(await findings(true)).toEqual([["truncated", "backup-results.gz"]]);
  });

  it("finds one object replaced inside a member that is whole, by the object's digest", async () => {
    const { offset, length } = await memberOf("cm-20");
    const { gunzipSync } = await import("node:zlib");
    const archive = await readAll(await store.get(ARCHIVE));
    const tar = gunzipSync(archive.subarray(offset, offset + length));
    tar.write("VALUE of cm-20", tar.indexOf("value of cm-20"));
    const member = gzipSync(tar, { level: 6 });
    await store.put(ARCHIVE, Buffer.concat([archive.subarray(0, offset), member, archive.subarray(offset + length)]));

    const found = await findings(true);

    expect(found[0]).toEqual(["replaced", "backup.tar.gz"]);
    expect(found.map(([, at]) => at)).toContain("backup.tar.gz: configmaps/ns/cm-20");
  });

  it("says that there is no such backup", async () => {
    await expect(verifyBackup(store, "none", { readData: false })).rejects.toMatchObject({ code: "BackupNotFound" });
    await expect(verifyBackup(store, "../backup", { readData: false })).rejects.toMatchObject({
      code: "BackupNotFound",
    });
  });
});
