import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, parseJson } from "./json.ts";
import { inKeyOrder, UNORDERABLE } from "./key-order.ts";

/** Canonical JSON as one would write it down first: slow, and obviously right. */
function reference(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const record = value as Record<string, unknown>;
  const fields = Object.keys(record).sort();
  return `{${fields.map((key) => `${JSON.stringify(key)}:${reference(record[key])}`).join(",")}}`;
}

const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(
    "10",
    "9",
    "1a",
    "01",
    "__proto__",
    "constructor",
    "toString",
    "",
    "a.b",
    "A",
    "é",
    "\u{1f4a5}",
    "\ud800",
  ),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie("array"),
    tie("object"),
  ),
  array: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(key, tie("value"), { maxKeys: 5 }),
}));

describe("canonicalJson", () => {
  it("writes what the plain definition writes, whatever the keys", () => {
    fc.assert(
      fc.property(json.value, (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as unknown;

        expect(canonicalJson(parsed)).toBe(reference(parsed));
      }),
      { numRuns: 1_000 },
    );
  });

  it("leaves undefined fields out and keeps numbers beyond a double", () => {
    const value = { b: undefined, a: [undefined, 1], n: parseJson("[9007199254740993]") };

    expect(canonicalJson(value)).toBe('{"a":[null,1],"n":[9007199254740993]}');
  });
});

describe("inKeyOrder", () => {
  it("shares what is sorted already and leaves its argument alone", () => {
    const sorted = { a: [{ b: 1, c: 2 }], d: {} };
    const mixed = { z: sorted, a: 1 };

    expect(inKeyOrder(sorted)).toBe(sorted);
    expect(inKeyOrder(mixed)).toEqual(mixed);
    expect(Object.keys(mixed)).toEqual(["z", "a"]);
    expect((inKeyOrder(mixed) as typeof mixed).z).toBe(sorted);
  });

  it.each([[{ "10": 1, "9": 2 }], [[{ a: { "0": 1 } }]], [JSON.parse('{"__proto__":1}')]])("refuses %j", (value) => {
    expect(inKeyOrder(value)).toBe(UNORDERABLE);
  });
});
