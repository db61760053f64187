/**
 * JSON that loses no digits. A number whose source text does not survive a double (`9007199254740993`, `1.10`) becomes a
 * tagged string while we compare, patch and digest, and the same source text again when written. The source-text
 * reviver is nine times slower than plain `JSON.parse`, so it runs only where a scan of the bytes finds such a number.
 */

import { inKeyOrder, UNORDERABLE } from "./key-order.ts";

const TAG = "\u0000number:";
const ESCAPED_TAG = "\u0000string:";
/** 16 digits, a fraction, an exponent or a negative zero where a number may stand: all a double may write differently. */
const SUSPICIOUS = /(?:^|[[:,\s])-?(?:\d{16}|\d+\.\d|\d+[eE]|(?<=-)0)|\\u0000(?:number|string):/;

/** Parses JSON text or UTF-8 bytes. @throws SyntaxError as `JSON.parse` does. */
export function parseJson(source: string | Uint8Array): unknown {
  const text = typeof source === "string" ? source : decode(source);
  return SUSPICIOUS.test(text)
    ? JSON.parse(text, tagNumbers as (key: string, value: unknown) => unknown)
    : JSON.parse(text);
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

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function tagNumbers(_key: string, value: unknown, context: { source: string }): unknown {
  if (typeof value === "string") {
    return value.startsWith(TAG) || value.startsWith(ESCAPED_TAG) ? ESCAPED_TAG + value : value;
  }
  if (typeof value !== "number" || context.source === String(value)) return value;
  return TAG + context.source;
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
