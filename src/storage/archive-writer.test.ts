import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { readArchive } from "./archive-reader.ts";
import { type ArchiveEntry, createArchiveWriter } from "./archive-writer.ts";
import { openBackup } from "./backup-reader.ts";
import { createCountingStore } from "./counting-store.ts";
import { FsStore } from "./fs-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { readAll } from "./streams.ts";
import { configMap, entryOf, type TestItem, writeBackup } from "./testing.ts";

function secretOf(name: string): TestItem {
  return {
    resource: "secrets",
    object: { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "ns" }, data: {} },
  };
}

/** Path, mode and body of every entry, as tar-stream reads them. */
async function entriesOf(archive: Buffer): Promise<{ path: string; mode: number | undefined; body: string }[]> {
  const reader = extract();
  reader.end(gunzipSync(archive));
  const found = [];
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.push({ path: entry.header.name, mode: entry.header.mode, body: Buffer.concat(chunks).toString() });
  }
  return found;
}

describe("the archive writer", () => {
  it("writes what any tar reader reads: version first, Velero's paths, mode 0755", async () => {
    const writer = createArchiveWriter({ modifiedMs: Date.UTC(2026, 0, 1) });
    const bytes = readAll(writer.readable);
    const names = ["a", "n".repeat(253), "ünï:日本", "x".repeat(90)];
    for (const name of names) await writer.add(entryOf(configMap("ns", name)));
    await writer.add(
      entryOf({ resource: "namespaces", object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns" } } }),
    );
    const totals = await writer.finish();

    const entries = await entriesOf(await bytes);

    expect(entries.map(({ path }) => path)).toEqual([
      "metadata/version",
      ...names.map((name) => `resources/configmaps/namespaces/ns/${name}.json`),
      "resources/namespaces/cluster/ns.json",
    ]);
    expect(entries[0]?.body).toBe("1.1.0\n");
    expect(new Set(entries.map(({ mode }) => mode))).toEqual(new Set([0o755]));
    expect(totals).toMatchObject({ items: 5, resources: { configmaps: 4, namespaces: 1 } });
  });

  it("adds Velero's version folders only where they are asked for", async () => {
    const store = new MemoryStore();
    const writer = createArchiveWriter({ modifiedMs: 0 });
    const put = store.put("a", writer.readable);
    const entry = entryOf(configMap("ns", "a"));
    const folders: (ArchiveEntry["versionFolder"] | undefined)[] = ["preferred", "other"];
    for (const versionFolder of folders) {
      const version = versionFolder === "other" ? "v1beta1" : "v1";
      await writer.add({ ...entry, version, ...(versionFolder && { versionFolder }) });
    }
    const totals = await writer.finish();
    const rows = gunzipSync(await readAll(totals.index.readable))
      .toString()
      .trim()
      .split("\n");
    await put;

    const paths: string[] = [];
    for await (const object of readArchive(store, "a")) paths.push(`${object.versionFolder}/${object.name}`);

    expect(paths).toEqual(["/a", "v1-preferredversion/a", "v1beta1/a"]);
    expect(totals).toMatchObject({ items: 1, resources: { configmaps: 1 } });
    expect(rows.map((row) => JSON.parse(row).versionFolder)).toEqual([undefined, "v1beta1"]);
  });

  it("writes an object once, and says so", async () => {
    const writer = createArchiveWriter({ modifiedMs: 0 });
    const bytes = readAll(writer.readable);

    const outcomes = [
      await writer.add(entryOf(configMap("ns", "a"))),
      await writer.add(entryOf(configMap("ns", "a", 999))),
    ];
    await writer.add(entryOf(configMap("other", "a")));

    expect(outcomes).toEqual(["written", "duplicate"]);
    expect(writer.has("configmaps", { namespace: "ns", name: "a" })).toBe(true);
    expect(writer.has("configmaps", { namespace: "ns", name: "b" })).toBe(false);
    expect((await writer.finish()).items).toBe(2);
    expect(await entriesOf(await bytes)).toHaveLength(3);
  });

  it("keeps the objects of interleaved resources in members of their own", async () => {
    const store = new MemoryStore();
    const items = Array.from({ length: 200 }, (_, i) => [configMap("ns", `cm-${i}`, 2_000), secretOf(`s-${i}`)]).flat();
    await writeBackup(store, items, { memberBytes: 32_768, openMembers: 2 });

    const reader = await openBackup(store, "backup");
    const members = new Map<number, Set<string>>();
    for (const resource of ["configmaps", "secrets"]) {
      for await (const row of reader.rows(resource))
        members.set(row.member, (members.get(row.member) ?? new Set()).add(resource));
    }

    expect(members.size).toBeGreaterThan(10);
    expect([...members.values()].every((resources) => resources.size === 1)).toBe(true);
  });

  it("takes many resources with few members open, and objects larger than a member", async () => {
    const store = new MemoryStore();
    const items = Array.from({ length: 60 }, (_, i) => ({
      ...configMap("ns", `cm-${i}`, i === 7 ? 500_000 : 500),
      resource: `kind${i % 20}`,
    }));
    await writeBackup(store, items, { memberBytes: 16_384, openMembers: 3 });

    const reader = await openBackup(store, "backup");
    const members = new Set<number>();
    let read = 0;
    for (const resource of await reader.resources()) {
      for await (const { row, body } of reader.readMany(reader.rows(resource))) {
        members.add(row.member);
        read += JSON.parse(body.toString()).metadata.name === row.name ? 1 : 0;
      }
    }

    expect(read).toBe(60);
    expect(members.size).toBe(60); // each was closed before its resource came again
  });

  it("refuses a name that can't be a path, and goes on", async () => {
    const writer = createArchiveWriter({ modifiedMs: 0 });
    const bytes = readAll(writer.readable);

    for (const name of ["..", ".", "a/b", "", "a\0b"]) {
      await expect(writer.add({ ...entryOf(configMap("ns", "x")), name })).rejects.toMatchObject({
        code: "ArchiveUnsafe",
      });
    }
    await writer.add(entryOf(configMap("ns", "a")));

    expect((await writer.finish()).items).toBe(1);
    expect(await entriesOf(await bytes)).toHaveLength(2);
  });

  it("holds its caller back while nobody reads", async () => {
    const writer = createArchiveWriter({ modifiedMs: 0, memberBytes: 4_096, parallelism: 2 });
    let added = 0;
    const adding = (async () => {
      for (let i = 0; i < 500; i++) {
        await writer.add(entryOf(configMap("ns", `cm-${i}`, 3_000)));
        added += 1;
      }
    })();
    for (let i = 0; i < 200; i++) await turn();

    expect(added).toBeLessThan(20);
    const bytes = readAll(writer.readable);
    await adding;
    await writer.finish();
    expect(await entriesOf(await bytes)).toHaveLength(501);
  });

  it("tells its caller when the upload fails, and the upload when its caller gives up", async () => {
    const failed = createArchiveWriter({ modifiedMs: 0, memberBytes: 4_096 });
    failed.readable.destroy(new Error("upload failed"));
    await expect(
      (async () => {
        for (let i = 0; i < 100; i++) await failed.add(entryOf(configMap("ns", `cm-${i}`, 3_000)));
      })(),
    ).rejects.toThrow("upload failed");
    await expect(failed.finish()).rejects.toThrow("upload failed");

    const store = new MemoryStore();
    const aborted = createArchiveWriter({ modifiedMs: 0 });
    const put = store.put("a", aborted.readable);
    put.catch(() => {});
    aborted.abort(new Error("cancelled"));
    await expect(put).rejects.toThrow("cancelled");
    expect(await store.head("a")).toBeUndefined();
  });
});

describe("one object of a large backup", () => {
  it("is read with a range of the index and one of the archive", async () => {
    const memory = new MemoryStore();
    await writeBackup(
      memory,
      Array.from({ length: 2_000 }, (_, i) => configMap(`ns-${i % 40}`, `cm-${i}`, 2_000)),
    );
    const { store, traffic } = createCountingStore(memory);

    const reader = await openBackup(store, "backup");
    const opened = traffic.requests;
    const row = await reader.row("configmaps", { namespace: "ns-7", name: "cm-1007" });
    const body = row && (await reader.read(row));
    const again = row && (await reader.read(row));

    expect(JSON.parse(body?.toString() ?? "{}").metadata.name).toBe("cm-1007");
    expect(again).toEqual(body);
    expect([opened, traffic.requests - opened]).toEqual([2, 2]); // marker and manifest; index and archive
  });

  it("is inflated once a member when many are read", async () => {
    const memory = new MemoryStore();
    await writeBackup(
      memory,
      Array.from({ length: 500 }, (_, i) => configMap(`ns-${i % 10}`, `cm-${i}`, 2_000)),
      { memberBytes: 32_768 },
    );
    const { store, traffic } = createCountingStore(memory);
    const reader = await openBackup(store, "backup");
    const archive = (await memory.head("backups/backup/backup.tar.gz"))?.sizeBytes ?? 0;
    const rows = [];
    for await (const row of reader.rows("configmaps")) rows.push(row);
    const before = traffic.bytesRead;

    let read = 0;
    for await (const _each of reader.readMany(rows)) read += 1;

    expect(read).toBe(500);
    expect(traffic.bytesRead - before).toBeLessThanOrEqual(archive);
  });
});

describe("a stored backup of an earlier version", () => {
  const root = new URL("../../test/testdata/archive/v1", import.meta.url).pathname;
  const expected = JSON.parse(readFileSync(`${root}/expected.json`, "utf8")) as Record<string, string>;

  it("opens and gives back every object, byte for byte", async () => {
    const reader = await openBackup(new FsStore(root), "golden");

    const found: Record<string, string> = {};
    for (const resource of await reader.resources()) {
      for await (const { row, body } of reader.readMany(reader.rows(resource, { versions: "all" }))) {
        found[`${resource}/${row.namespace}/${row.name}${row.versionFolder ? `@${row.versionFolder}` : ""}`] =
          body.toString();
      }
    }

    expect(found).toEqual(expected);
    await reader.verifyArchive();
  });
});
