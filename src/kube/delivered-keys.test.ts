import { describe, expect, it } from "vitest";
import { createDeliveredKeys, isOrderedToken } from "./delivered-keys.ts";

const STORAGE_TOKEN = Buffer.from('{"v":"meta.k8s.io/v1","rv":12,"start":"shop/b\\u0000"}').toString("base64url");

function item(namespace: string, name: string): Buffer {
  return Buffer.from(JSON.stringify({ metadata: { name, ...(namespace !== "" && { namespace }) } }));
}

describe("what a LIST has delivered", () => {
  it("is everything up to the last key, where the storage keeps the order", () => {
    const delivered = createDeliveredKeys();
    delivered.add([item("shop", "a"), item("shop", "b")], STORAGE_TOKEN);

    // "shop-x" sorts before "shop/a": the storage orders whole keys, not namespaces
    expect([item("a", "z"), item("shop-x", "z"), item("shop", "b")].map(delivered.has)).toEqual([true, true, true]);
    expect([item("shop", "b-1"), item("shop", "c"), item("shop0", "a")].map(delivered.has)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("does not shrink while a LIST begun anew passes old keys", () => {
    const delivered = createDeliveredKeys();
    delivered.add([item("n", "m")], STORAGE_TOKEN);
    delivered.add([item("n", "a")], STORAGE_TOKEN);

    expect(delivered.has(item("n", "b"))).toBe(true);
  });

  it("is exactly the seen keys, where tokens tell nothing", () => {
    const delivered = createDeliveredKeys();
    delivered.add([item("n", "z"), item("", "b")], "opaque");

    expect([item("n", "z"), item("", "b"), item("n", "a")].map(delivered.has)).toEqual([true, true, false]);
  });
});

describe("isOrderedToken", () => {
  it.each([
    [STORAGE_TOKEN, true],
    ["", false],
    ["17", false],
    ["bnVsbA", false],
    [Buffer.from('{"v":"other","start":"a"}').toString("base64url"), false],
  ])("%s: %s", (token, isOrdered) => {
    expect(isOrderedToken(token)).toBe(isOrdered);
  });
});
