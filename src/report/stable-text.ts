import { stringify } from "yaml";
import { canonicalJson, parseJson } from "../api/json.ts";

/** YAML with sorted keys and without line folding: equal values give equal bytes. Undefined fields are left out. */
export function stableYaml(value: unknown): string {
  return stringify(withoutUndefined(value), { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false });
}

/** Indented JSON with sorted keys and one newline at the end. Undefined fields are left out. */
export function stableJson(value: unknown): string {
  return `${JSON.stringify(parseJson(canonicalJson(value)), undefined, 2)}\n`;
}

/** A JSON object of which each entry of `rows` stands on one line, so that one changed row is one changed line. */
export function rowsJson(
  head: Readonly<Record<string, unknown>>,
  field: string,
  rows: Readonly<Record<string, unknown>>,
): string {
  const lines = Object.keys(head)
    .sort()
    .map((name) => `  ${JSON.stringify(name)}: ${canonicalJson(head[name])}`);
  const names = Object.keys(rows).sort();
  const body = names.map((name) => `    ${JSON.stringify(name)}: ${canonicalJson(rows[name])}`).join(",\n");
  lines.push(`  ${JSON.stringify(field)}: ${names.length === 0 ? "{}" : `{\n${body}\n  }`}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutUndefined(item)]));
}
