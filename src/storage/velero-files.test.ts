import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeMarker, encodeMarker } from "./marker.ts";
import { MemoryStore } from "./memory-store.ts";
import { encodeGzipJson, encodeLogs, encodeResourceList, readGzipJson, readGzipText } from "./velero-files.ts";

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
        const store = new MemoryStore();
        await store.put("theirs", bytes);
        const value = await readGzipJson(store, "theirs");
        const isList = file.endsWith("-resource-list.json.gz");
        const lists = () => Object.entries(value as Record<string, string[]>);
        await store.put("ours", isList ? await encodeResourceList(lists()) : await encodeGzipJson(value));
        expect(await readGzipText(store, "ours"), file).toBe(await readGzipText(store, "theirs"));
      }
    },
  );

  it("are undefined where they are missing", async () => {
    expect(await readGzipJson(new MemoryStore(), "missing")).toBeUndefined();
    expect(await readGzipText(new MemoryStore(), "missing")).toBeUndefined();
  });

  it.each<[string, Buffer]>([
    ["no gzip", Buffer.from("[]")],
    ["no JSON", gzipSync("[")],
    ["cut short", gzipSync("[1,2,3]").subarray(0, -9)],
  ])("are refused when they are %s", async (_what, bytes) => {
    const store = new MemoryStore();
    await store.put("backups/a/list", bytes);

    await expect(readGzipJson(store, "backups/a/list")).rejects.toMatchObject({
      code: "ArchiveInvalid",
      data: { key: "backups/a/list" },
    });
  });

  it("keep log lines", async () => {
    const store = new MemoryStore();
    await store.put("logs", await encodeLogs(["one", "two"]));

    expect(await readGzipText(store, "logs")).toBe("one\ntwo\n");
  });
});
