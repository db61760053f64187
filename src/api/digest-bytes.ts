/**
 * The content digest of an object, straight from its bytes. Parsing, sorting and serialising a hundred thousand objects
 * only to hash them was most of what a backup cost; here one pass writes the canonical form into a buffer that is used
 * again. What it does not know for sure it leaves to the parser: the law is that both give the same digest.
 */
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { BACKUP_NAME_LABEL, contentDigest, RESTORE_NAME_LABEL, STRIPPED_METADATA } from "./digest.ts";
import { parseJson } from "./json.ts";
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endsScalar,
  keyText,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  stringEnd,
  valueEnd,
} from "./json-bytes.ts";
import type { KubeObject } from "./object.ts";

/** Digests objects one after the other; not for several at once. */
export interface ContentDigester {
  /** What `contentDigest` gives for the parsed object. @throws SyntaxError when it is no JSON */
  digest(body: Uint8Array): string;
}

/** A digester with a buffer of its own. */
export function createContentDigester(): ContentDigester {
  const writer = new CanonicalWriter();
  return {
    digest(body) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const canonical = writer.contentOf(bytes);
      return canonical === undefined ? contentDigest(parseJson(body) as KubeObject) : hash("sha256", canonical);
    },
  };
}

/** Where in the object a value stands; `plain` values keep all their members. */
type Place = "plain" | "root" | "metadata" | "labels";

/** Thrown where only a parse gives the right answer. */
const NEEDS_PARSE = new Error("this object's digest needs a parse");
/** Deeper than any object of the API server's. */
const MOST_DEPTH = 200;
/** Escapes that canonical JSON writes as they are read: `" \ b f n r t`. */
const KEPT_ESCAPES = new Set(Array.from('"\\bfnrt', (letter) => letter.charCodeAt(0)));
/** Above this the native copy is faster than a loop. */
const SHORT_COPY = 48;

class CanonicalWriter {
  #out: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #spare: Buffer = Buffer.alloc(0);
  #used = 0;
  #hasMetadata = false;
  /** The first backslash from some place on, as far as is known. */
  #slash = -1;

  /** The canonical bytes of an object's content, valid until the next call; undefined: parse it. */
  contentOf(body: Buffer): Buffer | undefined {
    if (!isUtf8(body)) return undefined;
    // Canonical JSON is never longer: white space goes, and an escape that is written anew gets shorter or stays.
    if (this.#out.length < body.length + 16) this.#out = Buffer.allocUnsafeSlow(body.length * 2);
    this.#used = 0;
    this.#hasMetadata = false;
    this.#slash = -1;
    try {
      const end = this.#object(body, skipSpace(body, 0), "root", 0);
      const isWhole = this.#hasMetadata && skipSpace(body, end) === body.length;
      return isWhole ? this.#out.subarray(0, this.#used) : undefined;
    } catch (error) {
      if (error === NEEDS_PARSE || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Writes the value at `at`; answers the place after it. */
  #value(bytes: Buffer, at: number, depth: number): number {
    const first = bytes[at];
    if (first === QUOTE) return this.#string(bytes, at);
    if (first === OPEN_OBJECT) return this.#object(bytes, at, "plain", depth);
    if (first === OPEN_ARRAY) return this.#array(bytes, at, depth);
    const out = this.#out;
    let used = this.#used;
    let end = at;
    for (let byte = bytes[end]; byte !== undefined && !endsScalar(byte); byte = bytes[++end]) out[used++] = byte;
    this.#used = used;
    if (!isScalar(bytes, at, end)) throw NEEDS_PARSE;
    return end;
  }

  #array(bytes: Buffer, start: number, depth: number): number {
    if (depth > MOST_DEPTH) throw NEEDS_PARSE;
    this.#out[this.#used++] = OPEN_ARRAY;
    let at = skipSpace(bytes, start + 1);
    if (bytes[at] !== CLOSE_ARRAY) {
      for (;;) {
        at = skipSpace(bytes, this.#value(bytes, at, depth + 1));
        if (bytes[at] === CLOSE_ARRAY) break;
        if (bytes[at] !== COMMA) throw NEEDS_PARSE;
        this.#out[this.#used++] = COMMA;
        at = skipSpace(bytes, at + 1);
      }
    }
    this.#out[this.#used++] = CLOSE_ARRAY;
    return at + 1;
  }

  #object(bytes: Buffer, start: number, place: Place, depth: number): number {
    if (bytes[start] !== OPEN_OBJECT || depth > MOST_DEPTH) throw NEEDS_PARSE;
    this.#out[this.#used++] = OPEN_OBJECT;
    /** Where each member stands in `out`; its comma belongs to it. */
    const starts: number[] = [];
    let isSorted = true;
    let at = skipSpace(bytes, start + 1);
    while (bytes[at] !== CLOSE_OBJECT) {
      const memberStart = this.#used;
      at = skipSpace(bytes, this.#member(bytes, at, place, depth));
      if (this.#used > memberStart) {
        const previous = starts.at(-1);
        isSorted &&= previous === undefined || compareKeys(this.#out, previous, memberStart) < 0;
        starts.push(memberStart);
      }
      if (bytes[at] === CLOSE_OBJECT) break;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === CLOSE_OBJECT) throw NEEDS_PARSE;
    }
    if (!isSorted) this.#sort(starts);
    if (starts.length > 0) this.#used -= 1;
    this.#out[this.#used++] = CLOSE_OBJECT;
    return at + 1;
  }

  /** Writes the member whose key is at `at`, with a comma, or nothing; answers the place of the comma or brace after it. */
  #member(bytes: Buffer, at: number, place: Place, depth: number): number {
    if (bytes[at] !== QUOTE) throw NEEDS_PARSE;
    const keyEnd = stringEnd(bytes, at);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) throw NEEDS_PARSE;
    const valueStart = skipSpace(bytes, colon + 1);
    const key = place === "plain" ? "" : keyText(bytes, at + 1, keyEnd - 1);
    if (isStripped(place, key)) return afterMember(bytes, valueEnd(bytes, valueStart));
    const memberStart = this.#used;
    this.#key(bytes, at, keyEnd);
    this.#out[this.#used++] = COLON;
    const inner = placeOf(place, key);
    if (inner === "metadata") this.#hasMetadata = true;
    const begin = this.#used;
    const end =
      inner === "plain" ? this.#value(bytes, valueStart, depth + 1) : this.#object(bytes, valueStart, inner, 1);
    // labels of which none is left are no labels
    if (inner === "labels" && this.#used === begin + 2) this.#used = memberStart;
    else this.#out[this.#used++] = COMMA;
    return afterMember(bytes, end);
  }

  /** Bytes sort as code units only in ASCII, and an escaped key sorts by what it means. */
  #key(bytes: Buffer, start: number, end: number): void {
    let used = this.#used;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte > 0x7e || byte < 0x20 || byte === BACKSLASH) throw NEEDS_PARSE;
      this.#out[used++] = byte;
    }
    this.#used = used;
  }

  #string(bytes: Buffer, start: number): number {
    const end = stringEnd(bytes, start);
    if (this.#nextSlash(bytes, start) < end) return this.#escapedString(bytes, start);
    this.#used += copyBytes(bytes, this.#out, { from: start, to: end, at: this.#used });
    return end;
  }

  /** Most objects have no escape at all: one search tells it of all their strings. */
  #nextSlash(bytes: Buffer, from: number): number {
    if (this.#slash >= from) return this.#slash;
    const found = bytes.indexOf(BACKSLASH, from);
    this.#slash = found < 0 ? bytes.length : found;
    return this.#slash;
  }

  #escapedString(bytes: Buffer, start: number): number {
    const out = this.#out;
    let used = this.#used;
    out[used++] = QUOTE;
    for (let at = start + 1; ; at++) {
      const byte = bytes[at];
      if (byte === undefined || byte < 0x20) throw NEEDS_PARSE;
      out[used++] = byte;
      if (byte === QUOTE) {
        this.#used = used;
        return at + 1;
      }
      if (byte !== BACKSLASH) continue;
      const escaped = bytes[++at] as number;
      if (!KEPT_ESCAPES.has(escaped)) return this.#rewrittenString(bytes, start);
      out[used++] = escaped;
    }
  }

  /** A string with an escape that canonical JSON writes otherwise, such as Go's `\u003c` for `<`. */
  #rewrittenString(bytes: Buffer, start: number): number {
    const end = stringEnd(bytes, start);
    this.#used += this.#out.write(JSON.stringify(JSON.parse(bytes.toString("utf8", start, end))), this.#used);
    return end;
  }

  /** Puts the members that begin at `starts` and end at the end of what is written into the order of their keys. */
  #sort(starts: readonly number[]): void {
    const begin = starts[0] ?? 0;
    const end = this.#used;
    const out = this.#out;
    if (this.#spare.length < end) this.#spare = Buffer.allocUnsafeSlow(out.length);
    out.copy(this.#spare, begin, begin, end);
    const spare = this.#spare;
    const order = starts.map((_, index) => index).sort((a, b) => compareKeys(spare, starts[a] ?? 0, starts[b] ?? 0));
    let used = begin;
    let previous = -1;
    for (const index of order) {
      const from = starts[index] ?? 0;
      const to = starts[index + 1] ?? end;
      if (previous >= 0 && compareKeys(spare, previous, from) === 0) throw NEEDS_PARSE; // a key that stands twice
      previous = from;
      used += copyBytes(spare, out, { from, to, at: used });
    }
  }
}

/** What contentOf leaves out of its object. */
function isStripped(place: Place, key: string): boolean {
  if (place === "plain") return false;
  if (place === "root") return key === "status";
  if (place === "labels") return key === BACKUP_NAME_LABEL || key === RESTORE_NAME_LABEL;
  if (key === "__proto__") throw NEEDS_PARSE;
  return STRIPPED_METADATA.has(key);
}

function placeOf(place: Place, key: string): Place {
  if (place === "root" && key === "metadata") return "metadata";
  return place === "metadata" && key === "labels" ? "labels" : "plain";
}

/** The place of the comma or closing brace after a member's value. */
function afterMember(bytes: Buffer, end: number): number {
  const at = skipSpace(bytes, end);
  if (bytes[at] !== COMMA && bytes[at] !== CLOSE_OBJECT) throw NEEDS_PARSE;
  return at;
}

/** Compares the keys whose opening quotes stand at `a` and `b`, as strings compare. */
function compareKeys(bytes: Buffer, a: number, b: number): number {
  for (let offset = 1; ; offset++) {
    const left = bytes[a + offset] as number;
    const right = bytes[b + offset] as number;
    if (left === right) {
      if (left === QUOTE) return 0;
    } else if (left === QUOTE) return -1;
    else if (right === QUOTE) return 1;
    else return left - right;
  }
}

function copyBytes(
  source: Buffer,
  target: Buffer,
  { from, to, at }: { readonly from: number; readonly to: number; readonly at: number },
): number {
  if (to - from > SHORT_COPY) return source.copy(target, at, from, to);
  for (let index = from; index < to; index++) target[at + index - from] = source[index] as number;
  return to - from;
}

const MINUS = 0x2d;

/** Numbers and literals are written as they came: parse tags a number that a double would write otherwise. */
function isScalar(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] as number;
  if (first === MINUS || (first >= 0x30 && first <= 0x39)) return true;
  const text = bytes.toString("latin1", start, end);
  return text === "true" || text === "false" || text === "null";
}
