/** The schema files as one document: where every definition has one name and every reference is local. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A JSON Schema, or a part of one. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: number;
}

/** What a schema file says about its CRD beyond the schema (`x-holdfast-crd`). */
export interface CrdNames {
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly columns: readonly Column[];
}

export interface KindSchema {
  readonly kind: string;
  readonly schema: Schema;
  readonly crd: CrdNames;
}

export interface SchemaSet {
  /** Sorted by kind. */
  readonly kinds: readonly KindSchema[];
  /** Every definition of every file, references rewritten to `#/definitions/…`. */
  readonly definitions: Readonly<Record<string, Schema>>;
}

const SUFFIX = ".schema.json";

/** Reads `schemas/`. @throws Error when two files define one name, or a reference leads nowhere */
export async function readSchemas(folder: string): Promise<SchemaSet> {
  const kinds: KindSchema[] = [];
  const definitions: Record<string, Schema> = {};
  const files = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  for (const file of files) {
    const { definitions: own = {}, ...schema } = JSON.parse(await readFile(join(folder, file), "utf8")) as Schema;
    for (const [name, definition] of Object.entries(own as Record<string, Schema>)) {
      if (definitions[name] !== undefined) throw new Error(`${file}: ${name} is defined in another file too`);
      definitions[name] = localReferences(definition) as Schema;
    }
    const crd = schema["x-holdfast-crd"] as CrdNames | undefined;
    if (crd !== undefined) kinds.push({ kind: String(schema.title), schema: localReferences(schema) as Schema, crd });
  }
  for (const target of [...references(kinds), ...references(definitions)]) {
    if (definitions[target] === undefined) throw new Error(`no schema file defines ${target}`);
  }
  return { kinds, definitions };
}

/** Replaces every reference by what it points to; the result has no `$ref`. */
export function inlineReferences(value: unknown, definitions: Readonly<Record<string, Schema>>): unknown {
  return transform(value, (schema) => {
    if (typeof schema.$ref !== "string") return schema;
    return inlineReferences(definitions[referenceTarget(schema.$ref)], definitions) as Schema;
  });
}

/** Applies `change` to every object inside, the innermost first. */
export function transform(value: unknown, change: (schema: Schema) => Schema): unknown {
  if (Array.isArray(value)) return value.map((item) => transform(item, change));
  if (typeof value !== "object" || value === null) return value;
  return change(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, transform(item, change)])));
}

function localReferences(value: unknown): unknown {
  return transform(value, (schema) =>
    typeof schema.$ref === "string" ? { ...schema, $ref: `#/definitions/${referenceTarget(schema.$ref)}` } : schema,
  );
}

function referenceTarget(reference: string): string {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

function references(value: unknown): string[] {
  const found: string[] = [];
  transform(value, (schema) => {
    if (typeof schema.$ref === "string") found.push(referenceTarget(schema.$ref));
    return schema;
  });
  return found;
}
