import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HAS_API_VERSION, HAS_KIND, itemKey, scanList, typeMetaOf } from "./list-scanner.ts";

/** Strings that look like structure: what a naive scanner trips over. */
const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.constantFrom(
    '"items":[',
    "}]}",
    "\\",
    '\\"',
    '\\\\"',
    "{[",
    "\u2028é💥",
    "x".repeat(500),
    '"'.repeat(70),
    "\\".repeat(65),
    `${"\\".repeat(33)}"`,
  ),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    nasty,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie("array"),
    tie("object"),
  ),
  array: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(nasty, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));
const item = fc.record(
  { apiVersion: fc.constant("v1"), kind: fc.constant("Pod"), metadata: json.object, spec: json.value },
  { requiredKeys: [] },
);
const list = fc.record(
  {
    kind: nasty,
    apiVersion: nasty,
    metadata: fc.record(
      { resourceVersion: nasty, continue: nasty, remainingItemCount: fc.nat() },
      { requiredKeys: [] },
    ),
    items: fc.oneof(fc.array(fc.oneof(item, json.object), { maxLength: 6 }), fc.constant(null)),
    extra: json.value,
  },
  { requiredKeys: [] },
);

describe("scanList", () => {
  it("finds what JSON.parse finds, in any key order, compact or indented", () => {
    fc.assert(
      fc.property(
        list,
        fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
        fc.constantFrom(undefined, 1, "\t"),
        (value, order, indent) => {
          const shuffled = Object.fromEntries(
            Object.entries(value).sort((a, b) => (order[a[0].length % 5] ?? 0) - (order[b[0].length % 5] ?? 0)),
          );
          const body = Buffer.from(JSON.stringify(shuffled, undefined, indent));
          const expected = JSON.parse(body.toString()) as typeof value;

          const found = scanList(body);

          expect(found.items.map((bytes) => JSON.parse(bytes.toString()))).toEqual(expected.items ?? []);
          expect(found.kind).toBe(expected.kind ?? "");
          expect(found.apiVersion).toBe(expected.apiVersion ?? "");
          expect(found.resourceVersion).toBe(expected.metadata?.resourceVersion ?? "");
          expect(found.continueToken).toBe(expected.metadata?.continue ?? "");
          expect(found.remaining).toBe(expected.metadata?.remainingItemCount);
          expect([...found.typeMeta]).toEqual(
            (expected.items ?? []).map(
              (one) => ("apiVersion" in one ? HAS_API_VERSION : 0) | ("kind" in one ? HAS_KIND : 0),
            ),
          );
          expect(found.items.map(typeMetaOf)).toEqual([...found.typeMeta]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps an item's bytes: numbers beyond a double, key order and escapes", () => {
    const text = String.raw`{"z":9007199254740993,"a":1.10,"s":"\u003c\/","metadata":{"name":"a"}}`;

    const { items } = scanList(Buffer.from(`{"items": [ ${text} , ${text}]}`));

    expect(items.map(String)).toEqual([text, text]);
  });

  it.each(["", "[]", '{"items":[{"a":1}', '{"items":[{"a":"x}]}', '{"items":[{"a":1}]', '{"items" [1]}', "<html>"])(
    "refuses %j",
    (text) => {
      expect(() => scanList(Buffer.from(text))).toThrow(SyntaxError);
    },
  );

  it("refuses every truncation of a body", () => {
    const body = Buffer.from(
      JSON.stringify({
        kind: "L",
        items: [{ metadata: { name: 'a"b' }, x: [1, { y: "z" }] }],
        metadata: { continue: "c" },
      }),
    );

    for (let length = 0; length < body.length; length++)
      expect(() => scanList(body.subarray(0, length))).toThrow(SyntaxError);
  });
});

describe("itemKey", () => {
  it.each([
    ['{"metadata":{"name":"a","namespace":"n"}}', { namespace: "n", name: "a" }],
    [
      '{"spec":{"metadata":{"name":"no"}},"metadata":{"labels":{"name":"no"},"name":"yes"}}',
      { namespace: "", name: "yes" },
    ],
    ['{"m\\u0065tadata":{"name":"a\\u0062"}}', { namespace: "", name: "ab" }],
    ['{"metadata":{}}', undefined],
    ['{"metadata":null}', undefined],
  ])("reads %s", (text, key) => {
    expect(itemKey(Buffer.from(text))).toEqual(key);
  });
});
