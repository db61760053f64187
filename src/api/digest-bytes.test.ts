import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentDigest } from "./digest.ts";
import { createContentDigester } from "./digest-bytes.ts";
import { parseJson } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** Mostly keys that the fast way takes: one that is not sends the whole object to the parser. */
const key = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom("name", "namespace", "labels", "status", "uid", "spec", "metadata", "a", "a!", "a b"),
  },
  { weight: 10, arbitrary: fc.string({ unit: fc.constantFrom(..."abc0129!#~ {}[],:"), maxLength: 4 }) },
  { weight: 5, arbitrary: fc.constantFrom("velero.io/backup-name", "velero.io/restore-name", "managedFields") },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "\\", '"') },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.constantFrom("<a href='x'>&</a>", 'line\nline\t"quoted" \\ back', "\u2028é💥", "\u0000number:5", "\u0000string:x"),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(key, tie("value"), { maxKeys: 8, noNullPrototype: true }),
}));
const labels = fc.dictionary(key, text, { maxKeys: 4, noNullPrototype: true });
const object = fc.record(
  {
    kind: fc.constant("Widget"),
    apiVersion: fc.constant("v1"),
    status: json.value,
    spec: json.value,
    metadata: fc
      .tuple(json.object, labels, fc.boolean())
      .map(([fields, own, has]) => ({ ...(fields as object), ...(has ? { labels: own } : { labels: undefined }) })),
  },
  { requiredKeys: ["metadata"] },
);

/** As Go writes it, and with white space, which it does not write. */
const STYLES: Readonly<Record<string, (value: unknown) => string>> = {
  plain: (value) => JSON.stringify(value),
  go: (value) =>
    JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  spaced: (value) => JSON.stringify(value, undefined, 2),
};

describe("the content digest of bytes", () => {
  const digester = createContentDigester();
  const byParse = (source: string): string => contentDigest(parseJson(source) as KubeObject);

  it.each(Object.entries(STYLES))("is that of the parsed object, written %s", (_name, write) => {
    fc.assert(
      fc.property(object, (value) => {
        const source = write(value);

        expect(digester.digest(Buffer.from(source))).toBe(byParse(source));
      }),
      { numRuns: 500 },
    );
  });

  const sources: readonly (readonly [what: string, source: string])[] = [
    ["numbers beyond a double", '{"kind":"A","metadata":{},"n":[9007199254740993,1.10,1E5,-0,1e400,0.5]}'],
    ["a key twice", '{"kind":"A","metadata":{},"z":1,"a":1,"z":2}'],
    ["a key twice, side by side", '{"metadata":{},"z":1,"z":2}'],
    ["an escaped key", '{"metadata":{},"\\u0062":1,"a":2}'],
    ["keys that differ in a letter below the quote", '{"metadata":{},"a!":1,"a":2,"a b":3}'],
    ["labels that a restore strips", '{"metadata":{"labels":{"velero.io/restore-name":"x"},"name":"n"}}'],
    ["empty labels", '{"metadata":{"labels":{ },"name":"n"}}'],
    ["a slash that is escaped", '{"metadata":{},"a":"\\/"}'],
    ["half a surrogate", '{"metadata":{},"a":"\\ud800"}'],
    ["depth", `{"metadata":{},"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}`],
    [
      "many unsorted keys",
      JSON.stringify({
        metadata: {},
        ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${(i * 7919) % 300}`, i])),
      }),
    ],
  ];

  it.each(sources)("is that of the parsed object with %s", (_what, source) => {
    expect(digester.digest(Buffer.from(source))).toBe(byParse(source));
  });

  it("is that of the parsed object where the bytes are no UTF-8", () => {
    const bytes = Buffer.from('{"metadata":{},"a":"\xff"}', "latin1");

    expect(digester.digest(bytes)).toBe(contentDigest(parseJson(bytes) as KubeObject));
  });

  it.each([
    ["", "{"],
    ["a comma too many", '{"metadata":{},}'],
    ["no comma", '{"metadata":{}"a":1}'],
    ["a tail", '{"metadata":{}}x'],
  ])("refuses what is no JSON: %s", (_what, source) => {
    expect(() => digester.digest(Buffer.from(source))).toThrow(SyntaxError);
  });

  it("parses nothing of a plain object", () => {
    const bytes = Buffer.from(
      '{"kind":"A","apiVersion":"v1","metadata":{"name":"n"},"spec":{"b":"<","a":[1]},"status":broken}',
    );

    expect(digester.digest(bytes)).toBe(
      byParse('{"kind":"A","apiVersion":"v1","metadata":{"name":"n"},"spec":{"b":"<","a":[1]}}'),
    );
  });
});
