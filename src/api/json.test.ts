import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, parseJson, stringifyJson } from "./json.ts";

describe("numbers", () => {
  it.each([
    '{"a":9007199254740993}',
    '{"a":[1.10,-0,1e21,1E-7,0.1]}',
    '{"a": 12345678901234567890123456789}',
    "9007199254740993",
    '{"a":{"b":[-9007199254740993.50]}}',
    '{"__proto__":1.50,"constructor":9007199254740993}',
  ])("%s is written as it was read", (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text.replaceAll(" ", ""));
  });

  it("that a double holds are numbers", () => {
    expect(parseJson('{"a":1,"b":-2.5,"c":0}')).toEqual({ a: 1, b: -2.5, c: 0 });
  });

  it.each([
    "[1.50.2]",
    "[01.50]",
    "[1.50 1.50]",
    "{1.50:1}",
    "{1.50 :1}",
    '{"a"1.50}',
    '["a"1.50]',
    "[1.5e]",
    "[-]",
    '["\\u0000number:1',
  ])("%s is no JSON, and none is made of it", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it("are read from bytes too", () => {
    expect(stringifyJson(parseJson(new TextEncoder().encode('{"ü":9007199254740993}')))).toBe('{"ü":9007199254740993}');
  });
});

describe("strings that look like what we put in for numbers", () => {
  it.each([
    '{"a":"\\u0000number:5"}',
    '{"a":"\\u0000string:5"}',
    '{"\\u0000number:5":1}',
    '{"\\u0000string:a":9007199254740993}',
    '{"a":"{\\"b\\":\\"\\u0000string:c\\"}"}',
    '["\\u0000number:5",9007199254740993,"\\u0000string:\\u0000number:5"]',
  ])("%s stays what it is", (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text);
    expect(canonicalJson(parseJson(text))).toBe(text);
  });
});

/** JSON texts with numbers of any spelling, and keys and strings of any kind. */
const anyText = fc.letrec<{ value: string }>((tie) => {
  const number = fc.oneof(
    fc.bigInt().map(String),
    fc.tuple(fc.bigInt(), fc.nat()).map(([whole, part]) => `${whole}.${part}`),
    fc.tuple(fc.integer(), fc.integer({ min: -30, max: 30 })).map(([whole, exponent]) => `${whole}e${exponent}`),
    fc.constant("-0"),
  );
  const text = fc
    .oneof(
      fc.string(),
      fc.constantFrom("__proto__", "constructor", "\u0000number:1", "\u0000string:", '"\u0000number:1"', "a\\"),
    )
    .map((value) => JSON.stringify(value));
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      number,
      text,
      fc.constantFrom("true", "false", "null"),
      fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      fc
        .uniqueArray(fc.tuple(text, tie("value")), { maxLength: 4, selector: ([key]) => JSON.parse(key) as string })
        .map((fields) => `{${fields.map(([key, value]) => `${key}:${value}`).join(",")}}`),
    ),
  };
}).value;

describe("laws", () => {
  it("what is read and written is the same text, up to the order of number-like keys", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = stringifyJson(parseJson(text));
        expect(stringifyJson(parseJson(once))).toBe(once);
        expect(canonicalJson(parseJson(once))).toBe(canonicalJson(parseJson(text)));
        if (!/"(?:0|[1-9]\d*)":/.test(text)) expect(once).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("the canonical text does not depend on the order of fields", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });

  it("the canonical text is sorted by code unit and leaves out what is undefined", () => {
    expect(canonicalJson({ b: 1, a: undefined, B: [undefined], "\u{1f600}": 2, "\uffff": 3 })).toBe(
      '{"B":[null],"b":1,"\u{1f600}":2,"\uffff":3}',
    );
  });
});
