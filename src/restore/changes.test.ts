import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { applyPatch } from "../api/patch.ts";
import { guardedByPlaces } from "./changes.ts";

const live: KubeObject = {
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "a", uid: "u1", resourceVersion: "7" },
  spec: { size: 1, items: [{ name: "x", port: 1 }] },
};

describe("guardedByPlaces", () => {
  it("tests the object's uid, and neither its version nor what is replaced", () => {
    const operations = [{ op: "replace" as const, path: "/spec/size", value: 2 }];

    expect(guardedByPlaces(live, operations)).toEqual([
      { op: "test", path: "/metadata/uid", value: "u1" },
      ...operations,
    ]);
  });

  it("tests that nothing stands where something is added", () => {
    const [, test] = guardedByPlaces(live, [{ op: "add", path: "/metadata/labels", value: { a: "b" } }]);

    expect(test).toEqual({ op: "test", path: "/metadata/labels", value: null });
  });

  it("tests a list whole, once", () => {
    const patch = guardedByPlaces(live, [
      { op: "replace", path: "/spec/items/0/port", value: 2 },
      { op: "add", path: "/spec/items/1", value: { name: "y" } },
    ]);

    expect(patch.filter(({ op }) => op === "test").map(({ path }) => path)).toEqual(["/metadata/uid", "/spec/items"]);
    const grown = { ...live, spec: { size: 1, items: [{ name: "new" }, { name: "x", port: 1 }] } };
    expect(() => applyPatch(grown, patch)).toThrow(expect.objectContaining({ code: "InvalidPatch" }));
    expect(applyPatch({ ...live, spec: { ...(live.spec as object), size: 9 } }, patch)).toMatchObject({
      spec: { size: 9, items: [{ name: "x", port: 2 }, { name: "y" }] },
    });
  });
});
