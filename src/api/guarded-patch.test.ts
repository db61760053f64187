import { describe, expect, it } from "vitest";
import type { KubeObject } from "./object.ts";
import {
  applyMergePatch,
  applyPatch,
  compare,
  createMergePatch,
  guardedPatch,
  MAX_OPERATIONS,
  testResourceVersion,
  valueAt,
} from "./patch.ts";

const LIVE: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "b", resourceVersion: "7" },
  data: { color: "red" },
};

describe("guardedPatch", () => {
  it("is none where nothing differs", () => {
    expect(guardedPatch(LIVE, structuredClone(LIVE))).toBeUndefined();
  });

  it("opens with the test of the resourceVersion", () => {
    expect(guardedPatch(LIVE, { ...LIVE, data: { color: "blue" } })).toEqual({
      type: "json",
      operations: [
        { op: "test", path: "/metadata/resourceVersion", value: "7" },
        { op: "replace", path: "/data/color", value: "blue" },
      ],
    });
    expect(testResourceVersion(LIVE)).toEqual({ op: "test", path: "/metadata/resourceVersion", value: "7" });
  });

  it("is a merge patch with the resourceVersion above 9,000 operations", () => {
    const filled = (prefix: string): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: MAX_OPERATIONS + 1 }, (_, at) => [`k${at}`, `${prefix}${at}`.padEnd(80, "x")]),
      );
    const patch = guardedPatch({ ...LIVE, data: filled("a") }, { ...LIVE, data: filled("b") });

    expect(patch?.type).toBe("merge");
    expect(patch?.type === "merge" ? applyMergePatch({ ...LIVE, data: filled("a") }, patch.body) : undefined).toEqual({
      ...LIVE,
      data: filled("b"),
    });
    expect(patch).toMatchObject({ body: { metadata: { resourceVersion: "7" } } });
  });

  it("is a merge patch where that is shorter than the operations", () => {
    const many = (value: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, value]));

    expect(guardedPatch({ ...LIVE, data: many("a") }, { ...LIVE, data: many("b") })?.type).toBe("merge");
  });
});

describe("odd documents", () => {
  it("that are a list on one side only are replaced", () => {
    expect(compare([], {})).toEqual([{ op: "replace", path: "", value: {} }]);
    expect(applyPatch<unknown>([], compare([1], { a: 1 }))).toEqual({ a: 1 });
  });

  it("have no length that a pointer could reach, and no inherited fields", () => {
    expect(valueAt({ list: [1, 2] }, "/list/length")).toBeUndefined();
    expect(valueAt({}, "/constructor/prototype")).toBeUndefined();
  });

  it("do not move into themselves", () => {
    expect(() => applyPatch({ a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b" }])).toThrowError(
      expect.objectContaining({ code: "InvalidPatch" }),
    );
  });

  it("count undefined as absent when merged", () => {
    expect(createMergePatch({ a: 1, b: undefined }, { a: undefined, c: undefined })).toEqual({ a: null });
  });

  it("can't reach a prototype by a patch of a stranger", () => {
    expect(() => applyPatch({}, [{ op: "add", path: "/constructor/prototype/polluted", value: true }])).toThrowError(
      expect.objectContaining({ code: "InvalidPatch" }),
    );
    expect(() => applyPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }])).toThrowError();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
