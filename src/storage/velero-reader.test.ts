import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { openBackup } from "./backup-reader.ts";
import { listBackups } from "./list-backups.ts";
import { MemoryStore } from "./memory-store.ts";
import { readAll } from "./streams.ts";

const root = new URL("../../test/testdata/velero/", import.meta.url).pathname;
const scenarios = readdirSync(root).filter((name) => existsSync(join(root, name, "backup", "velero-backup.json")));

describe.each(scenarios)("the recorded Velero backup %s", (scenario) => {
  const folder = join(root, scenario, "backup");

  it("is listed, and its archive holds what Velero said it stored", async () => {
    const { store, name } = await loadFolder(folder);

    const listed: unknown[] = [];
    for await (const each of listBackups(store)) listed.push([each.name, each.manifestSha256]);
    expect(listed).toEqual([[name, undefined]]);

    const reader = await openBackup(store, name);
    const found: string[] = [];
    for (const resource of await reader.resources()) {
      for await (const { row, body } of reader.readMany(reader.rows(resource))) {
        found.push(
          `resources/${resource}/${row.namespace === "" ? "cluster" : `namespaces/${row.namespace}`}/${row.name}.json`,
        );
        expect(JSON.parse(body.toString()).metadata.name).toBe(row.name);
        expect(await reader.row(resource, row)).toEqual(row);
      }
    }
    expect(found.sort()).toEqual(recordedEntries(join(root, scenario)).sort());
    expect(await reader.problems()).toEqual([]);
    await reader.close();
    await reader.close();
  });
});

describe("a Velero archive with something wrong in it", () => {
  it("gives what is readable, and names what is not", async () => {
    const nested = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    const files = {
      "resources/configmaps/namespaces/a/good.json":
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"good","namespace":"a"}}',
      "resources/configmaps/namespaces/a/bad.json": "{",
      "resources/configmaps/namespaces/b/deep.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep","namespace":"b"},"x":${nested}}`,
      "resources/configmaps/cluster/notes.txt": "x",
    };
    const reader = await openBackup(await veleroStore(files), "v");

    const names: string[] = [];
    for await (const row of reader.rows("configmaps")) names.push(row.name);

    expect(names).toEqual(["good"]);
    expect((await reader.problems()).map(({ path, namespace }) => [path.split("/").at(-1), namespace])).toEqual([
      ["bad.json", "a"],
      ["deep.json", "b"],
      ["notes.txt", ""],
    ]);
    await reader.close();
  });

  it("is not given out at all when it is truncated, and leaves no temporary file", async () => {
    const store = await veleroStore({
      "resources/configmaps/namespaces/a/x.json":
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"a"}}',
    });
    const archive = await readAll(await store.get("backups/v/v.tar.gz"));
    await store.put("backups/v/v.tar.gz", archive.subarray(0, -20));
    const spoolDir = mkdtempSync(join(tmpdir(), "holdfast-spool-"));

    const reader = await openBackup(store, "v", { spoolDir });

    await expect(reader.resources()).rejects.toMatchObject({ code: "ArchiveTruncated" });
    await expect(reader.verifyArchive()).rejects.toMatchObject({ code: "ArchiveTruncated" });
    expect(readdirSync(spoolDir)).toEqual([]);
    rmSync(spoolDir, { recursive: true });
  });
});

async function veleroStore(files: Record<string, string>): Promise<MemoryStore> {
  const packed = pack();
  for (const [name, body] of Object.entries(files)) packed.entry({ name }, body);
  packed.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packed) chunks.push(chunk as Buffer);
  const store = new MemoryStore();
  await store.put("backups/v/v.tar.gz", gzipSync(Buffer.concat(chunks)));
  await store.put(
    "backups/v/velero-backup.json",
    Buffer.from('{"apiVersion":"velero.io/v1","kind":"Backup","metadata":{"name":"v"}}'),
  );
  return store;
}

/** `tarEntries` of the recording, classic paths only. */
function recordedEntries(scenario: string): string[] {
  const results = JSON.parse(readFileSync(join(scenario, "results.json"), "utf8"));
  const entries: string[] = results.backup.tarEntries;
  return entries.filter((path) => /^resources\/[^/]+\/(cluster|namespaces)\//.test(path));
}

async function loadFolder(folder: string): Promise<{ store: MemoryStore; name: string }> {
  const store = new MemoryStore();
  const files = readdirSync(folder);
  const name = files.find((file) => file.endsWith(".tar.gz"))?.slice(0, -".tar.gz".length) ?? "";
  for (const file of files) await store.put(`backups/${name}/${file}`, readFileSync(join(folder, file)));
  return { store, name };
}
