/** The schemas keep to what Ajv and the API server read alike (design §2). */
import { readdirSync, readFileSync } from "node:fs";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";

type Schema = Readonly<Record<string, unknown>>;

const FOLDER = new URL("../../schemas/", import.meta.url);
/** The schemas of kinds; that of the plan's JSON is no source of a CRD and may use all of JSON Schema. */
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".schema.json") && !name.startsWith("plan-output"));

/** Keywords that both understand, or that one of the two ignores without harm. */
const ALLOWED = new Set([
  ..."type description properties required items additionalProperties enum pattern format $ref".split(" "),
  ..."minLength maxLength minimum maximum minItems maxItems minProperties maxProperties oneOf anyOf not".split(" "),
  "x-kubernetes-validations",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-int-or-string",
  "x-holdfast-expects",
]);
const ROOT_ONLY = new Set(["$schema", "title", "definitions", "x-holdfast-crd"]);
const IN_LOGIC = new Set(["required", "enum", "pattern"]);

/** What a schema says that one of the two validators reads otherwise. */
function breaches(schema: Schema, at: string, isRoot = false): string[] {
  const own = Object.keys(schema)
    .filter((word) => !ALLOWED.has(word) && !(isRoot && ROOT_ONLY.has(word)))
    .map((word) => `${at}: ${word} is not in the subset`);
  return [
    ...own,
    ...shapeBreaches(schema, at),
    ...logicBreaches(schema, at),
    ...children(schema).flatMap(([name, child]) => breaches(child, `${at}.${name}`)),
  ];
}

function shapeBreaches(schema: Schema, at: string): string[] {
  const found: string[] = [];
  const isClosed = schema.additionalProperties === false;
  if (
    schema.properties !== undefined &&
    !isClosed &&
    schema["x-kubernetes-preserve-unknown-fields"] !== true &&
    !at.endsWith(".json")
  ) {
    found.push(`${at}: an object with properties is closed`);
  }
  if (Array.isArray(schema.type)) found.push(`${at}: one type, not several`);
  if (schema.$ref === undefined && schema.type === undefined && !at.endsWith("meta.schema.json"))
    found.push(`${at}: a type is missing`);
  if (schema.$ref !== undefined && Object.keys(schema).length > 1)
    found.push(`${at}: draft-07 ignores what stands beside $ref`);
  if (schema.type === "array" && schema.maxItems === undefined)
    found.push(`${at}: a list has a longest length, for CEL's sake`);
  if (typeof schema.pattern === "string" && !meansTheSame(schema.pattern))
    found.push(`${at}: RE2 reads ${schema.pattern} otherwise`);
  if (Array.isArray(schema["x-kubernetes-list-map-keys"])) {
    const { required = [] } = (schema.items ?? {}) as { required?: string[]; $ref?: string };
    const isReference = (schema.items as Schema).$ref !== undefined;
    if (!isReference && !schema["x-kubernetes-list-map-keys"].every((key) => required.includes(key as string)))
      found.push(`${at}: map keys are required`);
  }
  return found;
}

function logicBreaches(schema: Schema, at: string): string[] {
  const branches = [
    ...((schema.oneOf ?? []) as Schema[]),
    ...((schema.anyOf ?? []) as Schema[]),
    ...(schema.not === undefined ? [] : [schema.not as Schema]),
  ];
  return branches.flatMap((branch) =>
    Object.keys(branch)
      .filter((word) => !IN_LOGIC.has(word))
      .map((word) => `${at}: ${word} inside oneOf, anyOf or not`),
  );
}

function children(schema: Schema): [string, Schema][] {
  const named = (value: unknown): [string, Schema][] =>
    typeof value === "object" && value !== null ? (Object.entries(value) as [string, Schema][]) : [];
  const single = (name: string): [string, Schema][] =>
    typeof schema[name] === "object" && schema[name] !== null ? [[name, schema[name] as Schema]] : [];
  return [
    ...named(schema.properties),
    ...named(schema.definitions),
    ...single("items"),
    ...single("additionalProperties"),
  ];
}

/** No look-around, no back-reference, no `\d` or `\w` (RE2's are ASCII, and so are ours without the `u` flag), and RE2 reads it. */
function meansTheSame(pattern: string): boolean {
  if (/\(\?|\\[1-9bBpPkzZA]/.test(pattern)) return false;
  try {
    RE2JS.compile(pattern);
    return new RegExp(pattern, "u").source !== "";
  } catch {
    return false;
  }
}

describe("the schemas", () => {
  it.each(FILES)("%s keeps to the subset", (name) => {
    const schema = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Schema;

    expect(breaches(schema, name, true)).toEqual([]);
  });

  it.each(FILES)("%s describes every field in a sentence", (name) => {
    const schema = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as { definitions: Record<string, Schema> };
    const silent: string[] = [];
    for (const [definition, { properties }] of Object.entries(schema.definitions)) {
      for (const [field, child] of Object.entries((properties ?? {}) as Record<string, Schema>)) {
        if (child.$ref === undefined && !String(child.description ?? "").endsWith("."))
          silent.push(`${definition}.${field}`);
      }
    }

    expect(silent).toEqual([]);
  });

  it.each([
    [
      "an $id, by which editors and kubeconform would look for the other files in the network",
      { type: "string", $id: "https://a.b/c" },
    ],
    ["a default", { type: "string", default: "a" }],
    ["nullable", { type: "string", nullable: true }],
    ["two types", { type: ["string", "integer"] }],
    ["an open object", { type: "object", properties: {} }],
    ["types in logic", { type: "object", additionalProperties: false, oneOf: [{ properties: {} }] }],
    ["a look-ahead", { type: "string", pattern: "^(?!a)" }],
    ["a word beside $ref", { $ref: "#/definitions/A", description: "a" }],
    ["a list without an end", { type: "array", items: { type: "string" } }],
  ])("%s would be found", (_what, schema) => {
    expect(breaches(schema, "planted")).not.toEqual([]);
  });
});
