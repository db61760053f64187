import { describe, expect, it } from "vitest";
import { claimBackup } from "./claims.ts";
import { deleteBackup } from "./delete-backup.ts";
import { findBackup, listBackups, listUnfinished } from "./list-backups.ts";
import { MemoryStore } from "./memory-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { configMap, testClaim, writeBackup } from "./testing.ts";

async function names(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of listBackups(store)) found.push(name);
  return found;
}

describe("a location", () => {
  it("shows what has a marker, ours and Velero's, and nothing else", async () => {
    const store = new MemoryStore();
    const { manifestSha256 } = await writeBackup(store, [configMap("ns", "a")], { name: "b-ours" });
    await store.put(
      "backups/a-velero/velero-backup.json",
      Buffer.from('{"apiVersion":"velero.io/v1","kind":"Backup","metadata":{"name":"a-velero"}}'),
    );
    await store.put("backups/half/half.tar.gz", Buffer.from("x"));
    await store.put("backups/broken/velero-backup.json", Buffer.from("{"));
    await claimBackup(store, "begun", testClaim("begun"));

    const listed = [];
    const unreadable: string[] = [];
    for await (const backup of listBackups(store, { onUnreadable: (name) => unreadable.push(name) }))
      listed.push(backup);

    expect(listed.map((each) => [each.name, each.manifestSha256])).toEqual([
      ["a-velero", undefined],
      ["b-ours", manifestSha256],
    ]);
    expect(unreadable).toEqual(["broken"]);
  });

  it("reads only the markers that are asked for", async () => {
    const store = new MemoryStore();
    for (const name of ["a", "b", "c"]) await writeBackup(store, [], { name });

    const listed: string[] = [];
    for await (const { name } of listBackups(store, { only: (each) => each !== "b" })) listed.push(name);

    expect(listed).toEqual(["a", "c"]);
  });

  it("finds one backup by its name and lists nothing for it", async () => {
    const store = new MemoryStore();
    const { manifestSha256 } = await writeBackup(store, [], { name: "a" });
    await store.put("backups/half/half.tar.gz", Buffer.from("x"));
    store.listPrefixes = () => Promise.reject(new Error("the bucket was listed"));

    const found = await findBackup(store, "a");

    expect([found?.name, found?.manifestSha256]).toEqual(["a", manifestSha256]);
    expect([await findBackup(store, "half"), await findBackup(store, "none")]).toEqual([undefined, undefined]);
  });

  it("tells unfinished folders of ours with their age, and no other", async () => {
    let now = 1_000;
    const store = new MemoryStore({ now: () => now });
    await writeBackup(store, [], { name: "done" });
    await claimBackup(store, "begun", testClaim("begun"));
    now = 5_000;
    await store.put("backups/begun/begun-logs.gz", Buffer.from("x"));
    await store.put("backups/velero-half/velero-half.tar.gz", Buffer.from("x"));
    await store.put("backups/odd/holdfast-claim.json", Buffer.from("?"));

    const found = [];
    for await (const each of listUnfinished(store)) found.push(each);

    expect(found).toEqual([
      { name: "begun", claim: testClaim("begun"), claimedMs: 1_000, modifiedMs: 5_000 },
      { name: "odd", claim: undefined, claimedMs: 5_000, modifiedMs: 5_000 },
    ]);
  });
});

describe("deleting a backup", () => {
  it("takes the marker first, the manifest next and the claim last, and leaves others alone", async () => {
    const store = new MemoryStore();
    await writeBackup(store, [configMap("ns", "a")], { name: "a" });
    await writeBackup(store, [configMap("ns", "a")], { name: "ab" });
    await store.put("backups/a/extra", Buffer.from("x"));
    const order: string[] = [];
    const { delete: remove } = store;
    const recording = Object.assign(Object.create(store) as MemoryStore, {
      list: (prefix: string) => store.list(prefix),
      abortUploads: (key: string) => store.abortUploads(key),
      delete: async (key: string) => {
        order.push(key);
        await remove.call(store, key);
      },
    });

    expect(await deleteBackup(recording, "a")).toEqual({ files: 11, uploads: 0 });

    expect(order.slice(0, 2)).toEqual(["backups/a/velero-backup.json", "backups/a/holdfast.json"]);
    expect(order.at(-1)).toBe("backups/a/holdfast-claim.json");
    expect(await store.listPrefixes("backups/")).toEqual(["ab/"]);
    expect(await deleteBackup(store, "a")).toEqual({ files: 0, uploads: 0 });
  });

  it("that stopped half-way is no backup any more, and can be gone on with", async () => {
    const store = new MemoryStore();
    await writeBackup(store, [configMap("ns", "a")], { name: "a" });
    await store.delete("backups/a/velero-backup.json");
    await store.delete("backups/a/a.tar.gz");

    expect(await names(store)).toEqual([]);
    const unfinished = [];
    for await (const { name } of listUnfinished(store)) unfinished.push(name);
    expect(unfinished).toEqual(["a"]);
    await deleteBackup(store, "a");
    expect(await store.listPrefixes("backups/")).toEqual([]);
  });
});
