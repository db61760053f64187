import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, parseJson } from "./json.ts";
import { applyMergePatch, applyPatch, compare, createMergePatch, valueAt } from "./patch.ts";

describe("JSON Patch", () => {
  it("turns one document into the other, whatever they hold", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (a, b) => {
        const before = JSON.parse(JSON.stringify(a));
        const after = JSON.parse(JSON.stringify(b));
        expect(canonicalJson(applyPatch(before, compare(before, after)))).toBe(canonicalJson(after));
      }),
    );
  });

  it("treats __proto__ and constructor as data", () => {
    const before = JSON.parse('{"data":{"__proto__":"a"}}');
    const after = JSON.parse('{"data":{"__proto__":"b","constructor":{"prototype":"c"}}}');

    const patched = applyPatch(before, compare(before, after));

    expect(JSON.stringify(patched)).toBe(JSON.stringify(after));
    expect(({} as Record<string, unknown>).c).toBeUndefined();
  });

  it("keeps numbers beyond a double apart", () => {
    const before = parseJson('{"n":9007199254740993}') as object;
    const after = parseJson('{"n":9007199254740995}') as object;

    expect(compare(before, after)).toHaveLength(1);
  });

  it.each([
    ["add into a list", [{ op: "add", path: "/list/1", value: 9 }], { list: [1, 9, 2] }],
    ["add at the end", [{ op: "add", path: "/list/-", value: 9 }], { list: [1, 2, 9] }],
    ["move", [{ op: "move", from: "/list/0", path: "/first" }], { list: [2], first: 1 }],
    ["copy", [{ op: "copy", from: "/list", path: "/again" }], { list: [1, 2], again: [1, 2] }],
    ["replace the whole", [{ op: "replace", path: "", value: 1 }], 1],
    ["a test that holds", [{ op: "test", path: "/list/0", value: 1 }], { list: [1, 2] }],
  ] as const)("%s", (_name, operations, expected) => {
    expect(applyPatch<unknown>({ list: [1, 2] }, operations)).toEqual(expected);
  });

  it.each([
    ["remove what is not there", { op: "remove", path: "/b" }, false],
    ["replace what is not there", { op: "replace", path: "/b", value: 1 }, false],
    ["add below nothing", { op: "add", path: "/b/c", value: 1 }, false],
    ["add beyond the end", { op: "add", path: "/l/5", value: 1 }, false],
    ["a test that fails", { op: "test", path: "/a", value: 2 }, true],
    ["a test of what is not there", { op: "test", path: "/b", value: 2 }, true],
  ] as const)("refuses to %s", (_name, operation, test) => {
    expect(() => applyPatch({ a: 1, l: [] }, [operation])).toThrowError(
      expect.objectContaining({ code: "InvalidPatch", data: { operation: 0, path: operation.path, test } }),
    );
  });

  it("finds a value through an escaped pointer", () => {
    expect(valueAt({ "a/b": { "c~d": 1 } }, "/a~1b/c~0d")).toBe(1);
  });
});

describe("merge patch", () => {
  it("removes with null and replaces lists whole", () => {
    expect(applyMergePatch({ a: 1, l: [1, 2], o: { x: 1, y: 2 } }, { a: null, l: [3], o: { y: null } })).toEqual({
      l: [3],
      o: { x: 1 },
    });
  });

  it("made from two documents without nulls, turns one into the other", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.integer(),
        fc.string(),
        fc.array(fc.integer()),
        fc.dictionary(fc.string(), tie("any")),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), fc.dictionary(fc.string(), value), (a, b) => {
        const patch = createMergePatch(a, b);
        expect(canonicalJson(patch === undefined ? a : applyMergePatch(a, patch))).toBe(canonicalJson(b));
      }),
    );
  });
});
