import { describe, expect, it } from "vitest";
import { parseJson } from "../api/json.ts";
import { type BackupReader, openBackup } from "./backup-reader.ts";
import { createCountingStore } from "./counting-store.ts";
import type { IndexRow } from "./index-row.ts";
import { MemoryStore } from "./memory-store.ts";
import { configMap, type TestItem, writeBackup } from "./testing.ts";

const secret: TestItem = {
  resource: "secrets",
  object: { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "a" }, data: { k: "AA==" } },
};
const role: TestItem = {
  resource: "clusterroles.rbac.authorization.k8s.io",
  object: { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "r:ünï" }, rules: [] },
};

describe("a backup of ours", () => {
  it("gives back every object as it was put, in any way it is read", async () => {
    const items = [secret, role, ...Array.from({ length: 30 }, (_, i) => configMap(`ns${i % 3}`, `cm-${i}`, 3_000))];
    const store = new MemoryStore();
    await writeBackup(store, items, { memberBytes: 16_384 });

    const reader = await openBackup(store, "backup");

    expect(await reader.resources()).toEqual(["clusterroles.rbac.authorization.k8s.io", "configmaps", "secrets"]);
    const read = new Map<string, unknown>();
    for (const resource of await reader.resources()) {
      for await (const { row, body } of reader.readMany(reader.rows(resource))) {
        read.set(`${row.resource} ${row.namespace}/${row.name}`, parseJson(body));
        expect(await reader.read(row)).toEqual(body);
      }
    }
    expect(read.size).toBe(items.length);
    for (const { resource, object } of items) {
      expect(read.get(`${resource} ${object.metadata.namespace ?? ""}/${object.metadata.name}`)).toEqual(object);
    }
    await reader.verifyArchive();
    await reader.close();
  });

  it("sorts rows by namespace and name, whatever the order they came in", async () => {
    const items = ["b/x", "a-b/y", "a/z", "a/a", "b/a"].map((key) =>
      configMap(...(key.split("/") as [string, string])),
    );
    const store = new MemoryStore();
    await writeBackup(store, items);

    const rows = await collect(await openBackup(store, "backup"), "configmaps");

    expect(rows.map((row) => `${row.namespace}/${row.name}`)).toEqual(["a/a", "a/z", "a-b/y", "b/a", "b/x"]);
  });

  it("finds any row among many index members, and none that is not there", async () => {
    const items = Array.from({ length: 1_201 }, (_, i) => configMap("ns", `cm-${String(i).padStart(4, "0")}`));
    const store = new MemoryStore();
    await writeBackup(store, items);
    const reader = await openBackup(store, "backup");

    for (const name of ["cm-0000", "cm-0499", "cm-0500", "cm-0999", "cm-1000", "cm-1200"]) {
      expect(await reader.row("configmaps", { namespace: "ns", name }), name).toMatchObject({ name, namespace: "ns" });
    }
    for (const key of [
      { namespace: "ns", name: "cm-0500x" },
      { namespace: "a", name: "cm-0000" },
      { namespace: "z", name: "cm-0000" },
    ]) {
      expect(await reader.row("configmaps", key)).toBeUndefined();
    }
    expect(await reader.row("secrets", { namespace: "ns", name: "cm-0000" })).toBeUndefined();
    expect(await collect(reader, "configmaps")).toHaveLength(1_201);
  });

  it("gives the rows of some namespaces, and reads no part of the index that has none of theirs", async () => {
    const items = ["a", "b", "c", "d"].flatMap((namespace) =>
      Array.from({ length: 900 }, (_, i) => configMap(namespace, `cm-${String(i).padStart(4, "0")}`)),
    );
    const { store, traffic } = createCountingStore(new MemoryStore());
    await writeBackup(store, [...items, role]);
    const reader = await openBackup(store, "backup");
    const rowsWithin = async (...within: string[]): Promise<[Record<string, number>, number]> => {
      const before = traffic.requests;
      const rows = [];
      for await (const row of reader.rows("configmaps", { within: new Set(within) })) rows.push(row);
      const counts = Map.groupBy(rows, ({ namespace }) => namespace);
      return [Object.fromEntries([...counts].map(([each, of]) => [each, of.length])), traffic.requests - before];
    };

    expect(reader.manifest?.index.filter(({ resource }) => resource === "configmaps")).toHaveLength(8);
    expect(await rowsWithin("a")).toEqual([{ a: 900 }, 2]);
    expect(await rowsWithin("b")).toEqual([{ b: 900 }, 3]);
    expect(await rowsWithin("a", "d", "")).toEqual([{ a: 900, d: 900 }, 5]);
    expect(await rowsWithin("zz")).toEqual([{}, 1]);
    expect(await rowsWithin("")).toEqual([{}, 0]);
  });

  it("says which of these it is: no backup, an unfinished one, a changed manifest, a newer format", async () => {
    const store = new MemoryStore();
    await writeBackup(store, [secret]);

    await expect(openBackup(store, "none")).rejects.toMatchObject({ code: "BackupNotFound" });
    await expect(openBackup(store, "../x")).rejects.toMatchObject({ code: "BackupNotFound" });
    await store.put("backups/begun/holdfast-claim.json", Buffer.from("{}"));
    await expect(openBackup(store, "begun")).rejects.toMatchObject({ code: "BackupIncomplete" });
    await store.put("backups/backup/holdfast.json", Buffer.from("{}"));
    await expect(openBackup(store, "backup")).rejects.toMatchObject({ code: "DigestMismatch" });
  });
});

async function collect(reader: BackupReader, resource: string): Promise<IndexRow[]> {
  const rows: IndexRow[] = [];
  for await (const row of reader.rows(resource)) rows.push(row);
  return rows;
}
