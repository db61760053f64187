import { describe, expect, it } from "vitest";
import { createObjectCache } from "./object-cache.ts";

describe("a cache of Git objects", () => {
  it("holds no more memory than the bytes of what it keeps", () => {
    const cache = createObjectCache<number>(1024);
    const pooled = Buffer.from("a record");
    cache.put(1, { type: "blob", bytes: pooled });

    const kept = cache.get(1)?.bytes;

    expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.length);
    expect(kept).toEqual(pooled);
    expect(kept?.buffer.byteLength).toBe(pooled.length);
  });

  it("drops the oldest when it is full, and never takes what is too large", () => {
    const cache = createObjectCache<string>(10, 6);
    const put = (key: string, length: number) => cache.put(key, { type: "tree", bytes: Buffer.alloc(length) });

    for (const [key, length] of [
      ["a", 4],
      ["b", 4],
      ["large", 7],
      ["c", 4],
    ] as const)
      put(key, length);

    expect(["a", "b", "large", "c"].map((key) => cache.get(key)?.bytes.length)).toEqual([undefined, 4, undefined, 4]);
  });

  it("counts an object once that is put twice", () => {
    const cache = createObjectCache<string>(10);
    const put = (key: string) => cache.put(key, { type: "tree", bytes: Buffer.alloc(4) });

    for (const key of ["a", "b", "b", "b"]) put(key);

    expect(cache.get("a")?.bytes.length).toBe(4);
  });
});
