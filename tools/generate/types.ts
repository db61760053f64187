/** TypeScript from the schemas: one interface per definition, one type per kind, everything readonly. */
import { compile } from "json-schema-to-typescript";
import type { SchemaSet } from "./schema-files.ts";

const BANNER = "/* Generated from schemas/ by `npm run generate`; never edited by hand. */\n";

/** Source text of `src/api/kinds.generated.ts`. */
export async function renderTypes(set: SchemaSet): Promise<string> {
  const bundle = { title: "Bundle", type: "object", additionalProperties: false, definitions: set.definitions };
  const text = await compile(structuredClone(bundle) as never, "Bundle", {
    additionalProperties: false,
    bannerComment: "",
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    format: true,
    style: { printWidth: 120 },
  });
  const interfaces = readonlyMembers(withoutBundle(text));
  return [
    BANNER,
    'import type { ObjectMeta } from "./object.ts";\n',
    interfaces,
    ...set.kinds.map(renderKind),
    renderKinds(set),
  ].join("\n");
}

/** Source text of `src/api/schemas.generated.ts`: the schemas as a value, so that validating reads no file. */
export function renderSchemas(set: SchemaSet): string {
  const kinds = Object.fromEntries(set.kinds.map(({ kind, schema }) => [kind, withoutCrd(schema)]));
  return [
    BANNER,
    "/** The definitions that the kinds' schemas refer to, under `#/definitions/`. */",
    `export const DEFINITIONS: Readonly<Record<string, object>> = ${JSON.stringify(set.definitions, undefined, 2)};\n`,
    "/** One schema per kind, without its definitions. */",
    `export const KIND_SCHEMAS: Readonly<Record<string, object>> = ${JSON.stringify(kinds, undefined, 2)};\n`,
  ].join("\n");
}

function withoutCrd({ "x-holdfast-crd": _crd, ...schema }: Readonly<Record<string, unknown>>): object {
  return schema;
}

/** json-schema-to-typescript wants a root; ours is empty and says nothing. */
function withoutBundle(text: string): string {
  return text
    .replace(/export interface Bundle \{\s*\}\n/, "")
    .replace(/(\n +\*)?\n +\* @(min|max)Items \d+/g, "")
    .replace(
      /\n \*\n \* This interface was referenced by `Bundle`'s JSON-Schema\n \* via the `definition` "[^"]+"\./g,
      "",
    )
    .trimStart();
}

function readonlyMembers(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      line
        .replace(/^( +)((?:"[^"]+"|[\w$]+|\[k: string\])\??: )/, "$1readonly $2")
        .replace(/(: )([\w$]+|\([^()]*\))\[\];$/, "$1readonly $2[];"),
    )
    .join("\n");
}

function renderKind({ kind, schema }: SchemaSet["kinds"][number]): string {
  return `/** ${String(schema.description)} */
export type ${kind} = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "${kind}";
  readonly metadata: ObjectMeta;
  readonly spec: ${kind}Spec;
  readonly status?: ${kind}Status;
};
`;
}

function renderKinds(set: SchemaSet): string {
  const rows = set.kinds.map(({ kind }) => `  readonly ${kind}: ${kind};\n`).join("");
  return `/** Every kind by name. */\nexport interface Kinds {\n${rows}}\n`;
}
