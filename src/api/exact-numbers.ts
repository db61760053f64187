/**
 * Keeps the digits of numbers that a double would write otherwise: in the text, before it is parsed. (The reviver of
 * `JSON.parse` is told a number's source too, but nine times slower, and V8 withholds it now and then.)
 */
import { BACKSLASH, COLON, endsScalar, isDigit, MINUS, QUOTE, skipSpace, stringEnd, ZERO } from "./json-bytes.ts";

/** Begins the string that stands in for a number. */
const NUMBER_TAG = "\u0000number:";
/** Begins a string that could be taken for one of ours. */
const STRING_TAG = "\u0000string:";

const DOT = 0x2e;
const LOWER_E = 0x65;
const UPPER_E = 0x45;
/** A double holds every whole number of fewer digits. */
const DOUBTFUL_DIGITS = 16;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** How a tag begins in JSON, which has no other way to write that letter. */
const ESCAPED_NULL = '"\\u0000';

interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The text with a tagged string for each number that a double would change; undefined where there is none. One pass over
 * the bytes. What is no JSON stays so: the parser refuses it.
 */
export function withTaggedNumbers(json: Buffer): string | undefined {
  const replacements: Replacement[] = [];
  for (let at = 0; at < json.length; ) {
    const byte = json[at] as number;
    const isString = byte === QUOTE;
    if (!isString && byte !== MINUS && !isDigit(byte)) {
      at++;
      continue;
    }
    const end = isString ? endOfString(json, at) : endOfNumber(json, at);
    if (end === undefined) return undefined;
    const text = isString ? taggedString(json, at, end) : taggedNumber(json, at, end);
    if (text !== undefined) replacements.push({ start: at, end, text });
    at = end;
  }
  return replacements.length === 0 ? undefined : replaced(json, replacements);
}

function replaced(json: Buffer, replacements: readonly Replacement[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, text } of replacements) {
    parts.push(json.toString("utf8", from, start), text);
    from = end;
  }
  return parts.join("") + json.toString("utf8", from);
}

/** Keys are never tagged: nothing takes them for numbers. */
function taggedString(json: Buffer, start: number, end: number): string | undefined {
  // A look at one byte first: nearly no string begins so.
  if (json[start + 1] !== BACKSLASH || !json.toString("latin1", start, end).startsWith(ESCAPED_NULL)) return undefined;
  if (isKey(json, end)) return undefined;
  const value = JSON.parse(json.toString("utf8", start, end)) as string;
  return value.startsWith(NUMBER_TAG) || value.startsWith(STRING_TAG) ? JSON.stringify(STRING_TAG + value) : undefined;
}

function taggedNumber(json: Buffer, start: number, end: number): string | undefined {
  if (!isDoubtful(json, start, end)) return undefined;
  const source = json.toString("latin1", start, end);
  if (!NUMBER.test(source) || isKey(json, end)) return undefined;
  return String(Number(source)) === source ? undefined : JSON.stringify(NUMBER_TAG + source);
}

function isKey(json: Buffer, end: number): boolean {
  return json[skipSpace(json, end)] === COLON;
}

function endOfString(json: Buffer, start: number): number | undefined {
  try {
    return stringEnd(json, start);
  } catch {
    return undefined;
  }
}

function endOfNumber(json: Buffer, start: number): number {
  let at = start + 1;
  while (at < json.length && !endsScalar(json[at] as number)) at++;
  return at;
}

function isDoubtful(json: Buffer, start: number, end: number): boolean {
  if (end - start >= DOUBTFUL_DIGITS) return true;
  if (json[start] === MINUS && json[start + 1] === ZERO) return true;
  for (let at = start + 1; at < end; at++) {
    const byte = json[at];
    if (byte === DOT || byte === LOWER_E || byte === UPPER_E) return true;
  }
  return false;
}
