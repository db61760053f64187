import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeMarker, encodeMarker } from "./marker.ts";
import { MemoryStore } from "./memory-store.ts";
import {
  type BackupVolumeInfo,
  decodeGzipJson,
  decodeGzipText,
  encodeGzipJson,
  encodeLogs,
  readList,
  readLogs,
  readResourceList,
  readResults,
  sortedResourceList,
} from "./velero-files.ts";

const root = new URL("../../test/testdata/velero/", import.meta.url).pathname;
const folders = readdirSync(root)
  .map((name) => join(root, name, "backup"))
  .filter((folder) => existsSync(join(folder, "velero-backup.json")));

describe("Velero's files as it recorded them", () => {
  it.each(folders.map((folder) => [folder.slice(root.length), folder]))(
    "%s: what we would write is what Velero wrote",
    async (_name, folder) => {
      for (const file of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, file));
        if (file === "velero-backup.json")
          expect(encodeMarker(decodeMarker(file, bytes)).toString()).toBe(bytes.toString());
        if (!/(results|\.json)\.gz$/.test(file)) continue;
        const written = await encodeGzipJson(await decodeGzipJson(file, bytes));
        expect(await decodeGzipText(file, written), file).toBe(await decodeGzipText(file, bytes));
      }
    },
  );

  it("take null for an empty list, and a missing file for one", async () => {
    const store = new MemoryStore();
    await store.put("null", gzipSync("null\n"));
    await store.put("list", gzipSync('[{"pvName":"a","skipped":false}]\n'));

    expect(await readList<BackupVolumeInfo>(store, "null")).toEqual([]);
    expect(await readList<BackupVolumeInfo>(store, "missing")).toEqual([]);
    expect((await readList<BackupVolumeInfo>(store, "list"))[0]?.pvName).toBe("a");
    expect(await readResults(store, "missing")).toEqual({ warnings: {}, errors: {} });
    expect(await readResults(store, "null")).toEqual({ warnings: {}, errors: {} });
    expect(await readResourceList(store, "missing")).toBeUndefined();
    expect(await readLogs(store, "missing")).toBeUndefined();
  });

  it.each<[string, Buffer]>([
    ["no gzip", Buffer.from("[]")],
    ["no JSON", gzipSync("[")],
    ["cut short", gzipSync("[1,2,3]").subarray(0, -9)],
    ["no list", gzipSync("{}")],
  ])("are refused when they are %s", async (_what, bytes) => {
    const store = new MemoryStore();
    await store.put("backups/a/list", bytes);

    await expect(readList(store, "backups/a/list")).rejects.toMatchObject({
      code: "ArchiveInvalid",
      data: { key: "backups/a/list" },
    });
  });

  it("keep log lines and sort resource lists", async () => {
    expect(await decodeGzipText("logs", await encodeLogs(["one", "two"]))).toBe("one\ntwo\n");
    expect(Object.entries(sortedResourceList({ "v1/Pod": ["b/a", "a/b"], "apps/v1/Deployment": ["x"] }))).toEqual([
      ["apps/v1/Deployment", ["x"]],
      ["v1/Pod", ["a/b", "b/a"]],
    ]);
  });
});
