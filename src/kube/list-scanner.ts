/**
 * Cuts the body of a LIST into its items without parsing it: the archive keeps each item as the server wrote it, and a
 * page of megabytes costs one pass over its bytes. Written for speed first; the law it keeps is in its property test.
 */

/** A LIST body, cut up. `items` are views into the body, in its order; nothing is copied. */
export interface ScannedList {
  readonly items: readonly Buffer[];
  /** For each item, which of `apiVersion` (1) and `kind` (2) it carries itself. */
  readonly typeMeta: Uint8Array;
  readonly apiVersion: string;
  /** The List's kind, such as `PodList`. */
  readonly kind: string;
  /** "" where the server gave none. */
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

/** Bits of `ScannedList.typeMeta`. */
export const HAS_API_VERSION = 1;
export const HAS_KIND = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** `[` and `]` differ from `{` and `}` in this bit only, and no other bytes of JSON outside strings do. */
const CASE = 0x20;

/** Bytes of a string that are looked at one by one before the native search takes over; most strings are shorter. */
const SHORT_STRING = 32;

/**
 * Finds the items of a LIST body.
 * @throws SyntaxError when the body is not one JSON object or ends early; items themselves are not validated
 */
export function scanList(body: Buffer): ScannedList {
  const items: Buffer[] = [];
  const typeMeta: number[] = [];
  let apiVersion = "";
  let kind = "";
  let metadata: Record<string, unknown> = {};
  eachMember(body, 0, (keyStart, keyEnd, valueStart) => {
    const key = keyText(body, keyStart, keyEnd);
    if (key === "items") return cutItems(body, valueStart, items, typeMeta);
    const end = valueEnd(body, valueStart);
    if (key === "apiVersion") apiVersion = String(parsed(body, valueStart, end));
    else if (key === "kind") kind = String(parsed(body, valueStart, end));
    else if (key === "metadata") metadata = (parsed(body, valueStart, end) ?? {}) as Record<string, unknown>;
    return end;
  });
  const { resourceVersion, continue: continueToken, remainingItemCount } = metadata;
  return {
    items,
    typeMeta: Uint8Array.from(typeMeta),
    apiVersion,
    kind,
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : "",
    continueToken: typeof continueToken === "string" ? continueToken : "",
    remaining: typeof remainingItemCount === "number" ? remainingItemCount : undefined,
  };
}

/** Which of `apiVersion` and `kind` an object carries at its top level, as bits. */
export function typeMetaOf(item: Buffer): number {
  let carries = 0;
  eachMember(item, 0, (keyStart, keyEnd, valueStart) => {
    carries |= typeMetaBit(item, keyStart, keyEnd);
    return valueEnd(item, valueStart);
  });
  return carries;
}

/**
 * The bytes of `metadata.name` and `metadata.namespace` of an object, read without parsing the rest.
 * Shape: `namespace` is "" where there is none; undefined when the bytes are no named object.
 */
export function itemKey(item: Buffer): { namespace: string; name: string } | undefined {
  let name: string | undefined;
  let namespace = "";
  eachMember(item, 0, (keyStart, keyEnd, valueStart) => {
    if (keyText(item, keyStart, keyEnd) !== "metadata" || item[valueStart] !== OPEN_OBJECT)
      return valueEnd(item, valueStart);
    return eachMember(item, valueStart, (innerStart, innerEnd, innerValue) => {
      const end = valueEnd(item, innerValue);
      const key = keyText(item, innerStart, innerEnd);
      if (key === "name") name = String(parsed(item, innerValue, end));
      else if (key === "namespace") namespace = String(parsed(item, innerValue, end));
      return end;
    });
  });
  return name === undefined ? undefined : { namespace, name };
}

/**
 * Where `metadata.managedFields` stands in an object, with the comma that goes with it: without the bytes from `start`
 * to `end` the object is still JSON. Undefined where there are none.
 */
export function managedFieldsOf(item: Buffer): { readonly start: number; readonly end: number } | undefined {
  let found: { start: number; end: number } | undefined;
  eachMember(item, 0, (keyStart, keyEnd, valueStart) => {
    if (keyText(item, keyStart, keyEnd) !== "metadata" || item[valueStart] !== OPEN_OBJECT) {
      return valueEnd(item, valueStart);
    }
    const after = eachMember(item, valueStart, (innerStart, innerEnd, innerValue) => {
      const end = valueEnd(item, innerValue);
      if (keyText(item, innerStart, innerEnd) === "managedFields") found = withComma(item, innerStart - 1, end);
      return end;
    });
    return found === undefined ? after : DONE;
  });
  return found;
}

/** A member and the comma after it, else the one before it. */
function withComma(bytes: Buffer, start: number, end: number): { start: number; end: number } {
  const after = skipSpace(bytes, end);
  if (bytes[after] === COMMA) return { start, end: after + 1 };
  let before = start - 1;
  while (isSpace(bytes[before])) before--;
  return bytes[before] === COMMA ? { start: before, end } : { start, end };
}

/** Told where a member's key text and value start; answers where the value ends, or `DONE` to see no more of them. */
const DONE = -1;

type Member = (keyStart: number, keyEnd: number, valueStart: number) => number;

/** Walks the members of the object at `start`; answers the place after its closing brace. */
function eachMember(bytes: Buffer, start: number, member: Member): number {
  let at = skipSpace(bytes, start);
  if (bytes[at] !== OPEN_OBJECT) throw broken(bytes, at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) throw broken(bytes, at);
    const keyEnd = stringEnd(bytes, at);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) throw broken(bytes, colon);
    const told = member(at + 1, keyEnd - 1, skipSpace(bytes, colon + 1));
    if (told === DONE) return DONE;
    const end = skipSpace(bytes, told);
    if (bytes[end] === CLOSE_OBJECT) return end + 1;
    if (bytes[end] !== COMMA) throw broken(bytes, end);
    at = skipSpace(bytes, end + 1);
  }
}

/** Cuts the array at `start` (or a `null`) into `items`; answers the place after it. */
function cutItems(body: Buffer, start: number, items: Buffer[], typeMeta: number[]): number {
  if (body[start] !== OPEN_ARRAY) return valueEnd(body, start);
  let at = skipSpace(body, start + 1);
  if (body[at] === CLOSE_ARRAY) return at + 1;
  let carries = 0;
  const member: Member = (keyStart, keyEnd, valueStart) => {
    carries |= typeMetaBit(body, keyStart, keyEnd);
    return valueEnd(body, valueStart);
  };
  for (;;) {
    carries = 0;
    const end = body[at] === OPEN_OBJECT ? eachMember(body, at, member) : valueEnd(body, at);
    items.push(body.subarray(at, end));
    typeMeta.push(carries);
    at = skipSpace(body, end);
    if (body[at] === CLOSE_ARRAY) return at + 1;
    if (body[at] !== COMMA) throw broken(body, at);
    at = skipSpace(body, at + 1);
  }
}

function typeMetaBit(bytes: Buffer, keyStart: number, keyEnd: number): number {
  const key = keyText(bytes, keyStart, keyEnd);
  if (key === "kind") return HAS_KIND;
  return key === "apiVersion" ? HAS_API_VERSION : 0;
}

/** The place after the value at `start`, whatever it is. */
function valueEnd(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return stringEnd(bytes, start);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return containerEnd(bytes, start);
  let at = start;
  while (at < bytes.length && !endsScalar(bytes[at] as number)) at++;
  if (at === start) throw broken(bytes, at);
  return at;
}

/** The place after the object or array at `start`. The hot loop: nearly every byte of a page passes here. */
function containerEnd(bytes: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined) throw broken(bytes, at);
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
    } else {
      at++;
      if ((byte | CASE) === OPEN_OBJECT) depth++;
      else if ((byte | CASE) === CLOSE_OBJECT && --depth === 0) return at;
    }
  }
}

/** The place after the string whose opening quote is at `start`. Small, so that the hot loop takes it in. */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  const near = at + SHORT_STRING;
  let letter = bytes[at];
  while (letter !== QUOTE && at < near) {
    if (letter === BACKSLASH) at++;
    letter = bytes[++at];
  }
  return letter === QUOTE ? at + 1 : longStringEnd(bytes, at);
}

/** The place after a string of which `from` is some letter: not the second half of an escape. */
function longStringEnd(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    for (const near = at + SHORT_STRING; at < near; at++) {
      const letter = bytes[at];
      if (letter === QUOTE) return at + 1;
      if (letter === BACKSLASH) at++;
    }
    // a quote ends the string unless an odd number of backslashes stands before it
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) throw broken(bytes, bytes.length);
    let slashes = 0;
    while (quote - slashes > at && bytes[quote - slashes - 1] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function keyText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString("latin1", start, end);
  return raw.includes("\\") ? String(parsed(bytes, start - 1, end + 1)) : raw;
}

function parsed(bytes: Buffer, start: number, end: number): unknown {
  return JSON.parse(bytes.toString("utf8", start, end));
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte);
}

function broken(bytes: Buffer, at: number): SyntaxError {
  return new SyntaxError(at >= bytes.length ? "the LIST body ends early" : `the LIST body is no JSON at byte ${at}`);
}
