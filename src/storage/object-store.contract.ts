import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isCoded } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";

/** An empty store for one test, and how to get rid of it. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** What is left behind that a listing does not show: temporary files, unfinished uploads. */
  leftovers(): Promise<readonly string[]>;
  close?(): Promise<void>;
}

/** How much a store is given: beyond one part of a multipart upload, and beyond one page of a listing. */
export interface ContractSizes {
  readonly largeBytes: number;
  readonly manyObjects: number;
}

/** What every store must do. */
export function describeObjectStore(what: string, open: () => Promise<StoreUnderTest>, sizes: ContractSizes): void {
  const { largeBytes, manyObjects } = sizes;
  describe(`object store contract: ${what}`, () => {
    let under: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      under = await open();
      store = under.store;
    });
    afterEach(async () => await under.close?.());

    describeWholeObjects(() => store);
    describeConditions(() => store);
    describeRanges(() => store);
    describeListing(() => store, manyObjects);

    it("leaves nothing of an upload whose body fails, and keeps the object that was there", async () => {
      await store.put("backups/a/file", Buffer.from("before"));

      for (const bytes of [10, largeBytes]) {
        await expect(store.put("backups/a/file", failingAfter(bytes))).rejects.toThrow("body broke");
        await expect(store.put("backups/a/new", failingAfter(bytes))).rejects.toThrow("body broke");
      }

      expect(await keys(store, "")).toEqual(["backups/a/file"]);
      expect(await text(store, "backups/a/file")).toBe("before");
      expect(await under.leftovers()).toEqual([]);
    });

    it("leaves nothing of an upload that is aborted", async () => {
      const abort = new AbortController();
      const body = Readable.from(
        endless(() => abort.abort(new Error("stop now")), largeBytes),
        { objectMode: false },
      );

      await expect(store.put("backups/a/file", body, { signal: abort.signal })).rejects.toThrow();

      expect(await keys(store, "")).toEqual([]);
      expect(await under.leftovers()).toEqual([]);
    });

    it("starts nothing once its signal is aborted", async () => {
      const signal = AbortSignal.abort(new Error("stopped before"));

      await expect(store.put("a/b", Buffer.from("x"), { signal })).rejects.toThrow("stopped before");
      await expect(store.get("a/b", signal)).rejects.toThrow("stopped before");
      await expect(store.head("a/b", signal)).rejects.toThrow("stopped before");
      expect(await keys(store, "")).toEqual([]);
    });

    it("writes and reads back an object of many parts", async () => {
      const bytes = randomBytes(largeBytes);

      expect(await store.put("backups/a/large", pieces(bytes))).toEqual({ type: "created" });

      expect((await store.head("backups/a/large"))?.sizeBytes).toBe(largeBytes);
      expect((await readAll(await store.get("backups/a/large"))).equals(bytes)).toBe(true);
      expect(await store.getRange("backups/a/large", largeBytes - 5, 5)).toEqual(bytes.subarray(-5));
      expect(await under.leftovers()).toEqual([]);
    });

    it("does not overwrite at the end of a conditional upload of many parts", async () => {
      const first = await store.put("backups/a/large", pieces(randomBytes(largeBytes)), { ifAbsent: true });
      const before = await store.getRange("backups/a/large", 0, 64);
      const second = await store.put("backups/a/large", pieces(randomBytes(largeBytes)), { ifAbsent: true });

      expect([first.type, second.type]).toEqual(["created", "exists"]);
      expect(await store.getRange("backups/a/large", 0, 64)).toEqual(before);
      expect(await under.leftovers()).toEqual([]);
    });
  });
}

function describeWholeObjects(store: () => ObjectStore): void {
  it.each([
    ["bytes", (): Uint8Array | Readable => Buffer.from("hello")],
    ["a plain Uint8Array", (): Uint8Array | Readable => new TextEncoder().encode("hello")],
    ["a stream", (): Uint8Array | Readable => Readable.from([Buffer.from("he"), Buffer.from("llo")])],
  ])("reads back what was put as %s", async (_what, body) => {
    expect(await store().put("backups/a/f", body())).toEqual({ type: "created" });

    expect(await text(store(), "backups/a/f")).toBe("hello");
    const stat = await store().head("backups/a/f");
    expect(stat).toMatchObject({ key: "backups/a/f", sizeBytes: 5 });
    expect(Math.abs((stat?.modifiedMs ?? 0) - Date.now())).toBeLessThan(120_000);
  });

  it("holds an empty object, from bytes and from a stream", async () => {
    await store().put("a/bytes", new Uint8Array());
    await store().put("a/stream", Readable.from([]));

    expect(await text(store(), "a/bytes")).toBe("");
    expect((await store().head("a/stream"))?.sizeBytes).toBe(0);
  });

  it("overwrites where no condition is given", async () => {
    await store().put("a/f", Buffer.from("one"));
    await store().put("a/f", Buffer.from("two"));

    expect(await text(store(), "a/f")).toBe("two");
  });

  it("names the key of an object that is missing", async () => {
    const missing = { code: "StoreObjectMissing", data: { key: "backups/none/f" } };

    await expect(store().get("backups/none/f")).rejects.toMatchObject(missing);
    await expect(store().getRange("backups/none/f", 0, 1)).rejects.toMatchObject(missing);
    expect(await store().head("backups/none/f")).toBeUndefined();
  });

  it("deletes, and again without an error", async () => {
    await store().put("backups/a/f", Buffer.from("x"));

    await store().delete("backups/a/f");
    await store().delete("backups/a/f");

    expect(await store().head("backups/a/f")).toBeUndefined();
    expect(await store().listPrefixes("backups/")).toEqual([]);
    expect(await store().abortUploads("backups/a/f")).toBe(0);
  });

  it.each([
    "backups/plus+and space/a%2fb&c=d.json",
    "backups/ünï/日本.json",
    `backups/${"n".repeat(200)}/${"f".repeat(240)}`,
  ])("takes the key %s as it is", async (key) => {
    await store().put(key, Buffer.from("odd"));

    expect(await text(store(), key)).toBe("odd");
    expect(await keys(store(), "backups/")).toEqual([key]);
    await store().delete(key);
    expect(await keys(store(), "")).toEqual([]);
  });
}

function describeConditions(store: () => ObjectStore): void {
  it("creates an absent object and leaves an existing one alone", async () => {
    const first = await store().put("backups/a/claim", Buffer.from("one"), { ifAbsent: true });
    const bytes = await store().put("backups/a/claim", Buffer.from("two"), { ifAbsent: true });
    const stream = await store().put("backups/a/claim", Readable.from([Buffer.from("three")]), { ifAbsent: true });

    expect([first.type, bytes.type, stream.type]).toEqual(["created", "exists", "exists"]);
    expect(await text(store(), "backups/a/claim")).toBe("one");
  });

  it("lets exactly one of many conditional writers win", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, writer) =>
        store().put("backups/a/claim", Buffer.from(`writer ${writer}`), { ifAbsent: true }),
      ),
    );

    const winners = outcomes.flatMap((outcome, writer) => (outcome.type === "created" ? [writer] : []));
    expect(winners).toHaveLength(1);
    expect(await text(store(), "backups/a/claim")).toBe(`writer ${winners[0]}`);
  });
}

function describeRanges(store: () => ObjectStore): void {
  it("reads exact ranges and says where an object ends too early", async () => {
    await store().put("a/f", Buffer.from("0123456789"));

    expect((await store().getRange("a/f", 0, 10)).toString()).toBe("0123456789");
    expect((await store().getRange("a/f", 3, 4)).toString()).toBe("3456");
    expect(await store().getRange("a/f", 4, 0)).toHaveLength(0);
    for (const [offset, length] of [
      [8, 3],
      [10, 1],
      [50, 5],
    ] as const) {
      const error = await store()
        .getRange("a/f", offset, length)
        .catch((thrown: unknown) => thrown);
      expect(isCoded(error, "ArchiveTruncated"), `${offset}+${length}: ${String(error)}`).toBe(true);
    }
  });
}

function describeListing(store: () => ObjectStore, manyObjects: number): void {
  it("lists by prefix in byte order, with sizes", async () => {
    const all = ["backups/a-b/f", "backups/a/f", "backups/a/g/h", "backups/ab", "metadata/x", "z"];
    for (const key of [...all].reverse()) await store().put(key, Buffer.from(key));

    expect(await keys(store(), "")).toEqual(all);
    expect(await keys(store(), "backups/a")).toEqual(["backups/a-b/f", "backups/a/f", "backups/a/g/h", "backups/ab"]);
    expect(await keys(store(), "backups/a/")).toEqual(["backups/a/f", "backups/a/g/h"]);
    expect(await keys(store(), "backups/none/")).toEqual([]);
    for await (const stat of store().list("metadata/")) expect(stat.sizeBytes).toBe("metadata/x".length);
  });

  it("lists the next segments below a prefix", async () => {
    for (const key of ["backups/b/f", "backups/a/x/y", "backups/a/z", "backups/plain", "top"]) {
      await store().put(key, Buffer.from("x"));
    }

    expect(await store().listPrefixes("")).toEqual(["backups/"]);
    expect(await store().listPrefixes("backups/")).toEqual(["a/", "b/"]);
    expect(await store().listPrefixes("backups/a/")).toEqual(["x/"]);
    expect(await store().listPrefixes("restores/")).toEqual([]);
  });

  it("lists more objects than one page holds", async () => {
    const expected = Array.from({ length: manyObjects }, (_, index) => `many/${String(index).padStart(5, "0")}/f`);
    for (let start = 0; start < expected.length; start += 50) {
      await Promise.all(expected.slice(start, start + 50).map((key) => store().put(key, Buffer.from("x"))));
    }

    expect(await keys(store(), "many/")).toEqual(expected);
    expect(await store().listPrefixes("many/")).toHaveLength(expected.length);
  });
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const stat of store.list(prefix)) found.push(stat.key);
  return found;
}

async function text(store: ObjectStore, key: string): Promise<string> {
  return (await readAll(await store.get(key))).toString();
}

function pieces(bytes: Buffer): Readable {
  const step = 100_000;
  const cut = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
    bytes.subarray(i * step, (i + 1) * step),
  );
  return Readable.from(cut, { objectMode: false });
}

function failingAfter(bytes: number): Readable {
  return Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 7);
      throw new Error("body broke");
    })(),
    { objectMode: false },
  );
}

/** Never ends; calls `reached` once `bytes` have been taken. */
function* endless(reached: () => void, bytes: number): Generator<Buffer> {
  for (let given = 0; ; given += 65_536) {
    if (given >= bytes && given < bytes + 65_536) reached();
    yield Buffer.alloc(65_536, 1);
  }
}
