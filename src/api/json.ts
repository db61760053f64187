/**
 * JSON that loses no digits. A number whose source text does not survive a double (`9007199254740993`, `1.10`) becomes a
 * tagged string while we compare, patch and digest, and the same source text again when written.
 */

import { withTaggedNumbers } from "./exact-numbers.ts";
import { asBuffer } from "./json-bytes.ts";
import { inKeyOrder, UNORDERABLE } from "./key-order.ts";

/** Parses JSON text or UTF-8 bytes. @throws SyntaxError as `JSON.parse` does. */
export function parseJson(source: string | Uint8Array): unknown {
  const bytes = typeof source === "string" ? Buffer.from(source) : asBuffer(source);
  return JSON.parse(withTaggedNumbers(bytes) ?? (typeof source === "string" ? source : bytes.toString()));
}

/** Compact JSON in insertion order, tagged numbers as their source text. */
export function stringifyJson(value: unknown, indent?: number): string {
  return untag(JSON.stringify(value, undefined, indent));
}

/** Canonical JSON: keys sorted by code unit, no white space, undefined fields left out. The base of every digest. */
export function canonicalJson(value: unknown): string {
  const ordered = inKeyOrder(value);
  return untag(ordered === UNORDERABLE ? canonical(value) : JSON.stringify(ordered));
}

/** Every string of a JSON text; a colon behind it makes it a key, and keys are never tagged. */
const STRING_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;
const NUMBER_TOKEN = /^"\\u0000number:(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"$/;
const ESCAPED_TOKEN = '"\\u0000string:';

function untag(json: string): string {
  if (!json.includes("\\u0000number:") && !json.includes("\\u0000string:")) return json;
  return json.replace(STRING_TOKEN, (token: string, colon: string | undefined) => {
    if (colon !== undefined) return token;
    if (token.startsWith(ESCAPED_TOKEN)) return `"${token.slice(ESCAPED_TOKEN.length)}`;
    return NUMBER_TOKEN.exec(token)?.[1] ?? token;
  });
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item === undefined ? null : item)).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const record = value as Record<string, unknown>;
  const fields: string[] = [];
  for (const key of Object.keys(record).sort()) {
    if (record[key] !== undefined) fields.push(`${JSON.stringify(key)}:${canonical(record[key])}`);
  }
  return `{${fields.join(",")}}`;
}
