/** Steps over JSON text in UTF-8 without parsing it. Written for speed first: nearly every byte of a LIST passes here. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const MINUS = 0x2d;
export const ZERO = 0x30;
const NINE = 0x39;

/** `[` and `]` differ from `{` and `}` in this bit only, and no other bytes of JSON outside strings do. */
const CASE = 0x20;

/** Bytes of a string that are looked at one by one before the native search takes over; most strings are shorter. */
const SHORT_STRING = 32;

/** The answer of a `Member` that needs to see no more. */
export const DONE = -1;

/** The same bytes, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Told where a member's key text and value start; answers where the value ends, or `DONE`. */
export type Member = (keyStart: number, keyEnd: number, valueStart: number) => number;

/**
 * Walks the members of the object at `start`; answers the place after its closing brace, or `DONE`.
 * @throws SyntaxError when it is no object, or ends early
 */
export function eachMember(bytes: Buffer, start: number, member: Member): number {
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

/** The place after the value at `start`, whatever it is. @throws SyntaxError */
export function valueEnd(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return stringEnd(bytes, start);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return containerEnd(bytes, start);
  let at = start;
  while (at < bytes.length && !endsScalar(bytes[at] as number)) at++;
  if (at === start) throw broken(bytes, at);
  return at;
}

/** The place after the object or array at `start`. The hot loop. */
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
export function stringEnd(bytes: Buffer, start: number): number {
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

/** Keys met lately: objects of one kind have the same ones, and to compare is cheaper than to make a string. */
const known: string[] = new Array<string>(256).fill("");
/** Longer ones are labels and the like, which seldom come again. */
const LONGEST_KNOWN = 32;

/** The text of a key between its quotes. */
export function keyText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0 || length > LONGEST_KNOWN) return readKey(bytes, start, end);
  const middle = bytes[start + (length >> 1)] as number;
  const slot = (length * 31 + (bytes[start] as number) * 7 + middle * 3 + (bytes[end - 1] as number)) & 255;
  const candidate = known[slot] as string;
  if (isText(bytes, start, length, candidate)) return candidate;
  const key = readKey(bytes, start, end);
  // an escaped key is longer as bytes: it would never be found
  if (key.length === length) known[slot] = key;
  return key;
}

function readKey(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString("latin1", start, end);
  return raw.includes("\\") ? String(parsedAt(bytes, start - 1, end + 1)) : raw;
}

function isText(bytes: Buffer, start: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** True when the text between two places is this key, which is ASCII, also where letters of it are escaped. */
export function isKey(bytes: Buffer, start: number, end: number, key: string): boolean {
  if (end - start > key.length) return hasEscape(bytes, start, end) && keyText(bytes, start, end) === key;
  return isText(bytes, start, end - start, key);
}

function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** The value between two places. @throws SyntaxError */
export function parsedAt(bytes: Buffer, start: number, end: number): unknown {
  return JSON.parse(bytes.toString("utf8", start, end));
}

/** The first place from `start` on that is no white space. */
export function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at++;
  return at;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** True for what may follow a number or a literal. */
export function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte);
}

/** The error for JSON that is none. */
export function broken(bytes: Buffer, at: number): SyntaxError {
  return new SyntaxError(at >= bytes.length ? "the JSON ends early" : `it is no JSON at byte ${at}`);
}
