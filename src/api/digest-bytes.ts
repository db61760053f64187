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
  asBuffer,
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endsScalar,
  isDigit,
  keyText,
  MINUS,
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

/** A digest that leaves out more than the content digest does. */
export interface NarrowerDigest {
  /** Of metadata. */
  readonly fields: ReadonlySet<string>;
  /** Of the annotations; where none is left there are none. */
  readonly annotations: ReadonlySet<string>;
  /** The same digest of a parsed object. */
  parsed(object: KubeObject): string;
}

const CONTENT: NarrowerDigest = { fields: new Set(), annotations: new Set(), parsed: contentDigest };

/** A digester with a buffer of its own: of the content digest unless told. */
export function createContentDigester(digest: NarrowerDigest = CONTENT): ContentDigester {
  const writer = new CanonicalWriter(digest);
  return {
    digest(body) {
      const canonical = writer.contentOf(asBuffer(body));
      return canonical === undefined ? digest.parsed(parseJson(body) as KubeObject) : hash("sha256", canonical);
    },
  };
}

/** Where in the object a value stands; `plain` values keep all their members. */
type Place = "plain" | "root" | "metadata" | "labels" | "annotations";

/** Thrown where only a parse gives the right answer. */
const NEEDS_PARSE = new Error("this object's digest needs a parse");
/** Deeper than any object of the API server's. */
const MOST_DEPTH = 200;
/** Escapes that canonical JSON writes as they are read: `" \ b f n r t`. */
const KEPT_ESCAPES = new Set(Array.from('"\\bfnrt', (letter) => letter.charCodeAt(0)));
/** Up to so many members are sorted by insertion: those of Kubernetes' objects are few, and often nearly in order. */
const FEW_MEMBERS = 24;
/** Above this the native copy is faster than a loop. */
const SHORT_COPY = 48;

class CanonicalWriter {
  #out: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #spare: Buffer = Buffer.alloc(0);
  #used = 0;
  #hasMetadata = false;
  /** Where the members of the objects that are being written stand in `out`, the outer ones' first; a comma belongs to each. */
  #starts = new Int32Array(256);
  #order = new Int32Array(256);
  /** How many of `starts` there are. */
  #members = 0;
  /** The first backslash from some place on, as far as is known. */
  #slash = -1;
  readonly #narrower: NarrowerDigest;

  constructor(narrower: NarrowerDigest) {
    this.#narrower = narrower;
  }

  /** The canonical bytes of an object's content, valid until the next call; undefined: parse it. */
  contentOf(body: Buffer): Buffer | undefined {
    if (!isUtf8(body)) return undefined;
    // Canonical JSON is never longer: white space goes, and an escape that is written anew gets shorter or stays.
    if (this.#out.length < body.length + 16) this.#out = Buffer.allocUnsafeSlow(body.length * 2);
    this.#used = 0;
    this.#members = 0;
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
    const out = this.#out;
    out[this.#used++] = OPEN_OBJECT;
    const base = this.#members;
    let isSorted = true;
    let at = skipSpace(bytes, start + 1);
    while (bytes[at] !== CLOSE_OBJECT) {
      const memberStart = this.#used;
      at = skipSpace(bytes, this.#member(bytes, at, place, depth));
      if (this.#used > memberStart) {
        if (isSorted && this.#members > base)
          isSorted = compareKeys(out, this.#starts[this.#members - 1] as number, memberStart) < 0;
        this.#noteMember(memberStart);
      }
      if (bytes[at] === CLOSE_OBJECT) break;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === CLOSE_OBJECT) throw NEEDS_PARSE;
    }
    if (!isSorted) this.#sort(base);
    if (this.#members > base) this.#used -= 1; // the last comma
    this.#members = base;
    out[this.#used++] = CLOSE_OBJECT;
    return at + 1;
  }

  #noteMember(start: number): void {
    if (this.#members === this.#starts.length) {
      const larger = new Int32Array(this.#starts.length * 2);
      larger.set(this.#starts);
      this.#starts = larger;
    }
    this.#starts[this.#members++] = start;
  }

  /** Writes the member whose key is at `at`, with a comma, or nothing; answers the place of the comma or brace after it. */
  #member(bytes: Buffer, at: number, place: Place, depth: number): number {
    const memberStart = this.#used;
    const keyEnd = this.#key(bytes, at);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) throw NEEDS_PARSE;
    const valueStart = skipSpace(bytes, colon + 1);
    this.#out[this.#used++] = COLON;
    if (place === "plain") {
      const end = this.#value(bytes, valueStart, depth + 1);
      this.#out[this.#used++] = COMMA;
      return afterMember(bytes, end);
    }
    const key = keyText(bytes, at + 1, keyEnd - 1);
    if (this.#isStripped(place, key)) {
      this.#used = memberStart;
      return afterMember(bytes, valueEnd(bytes, valueStart));
    }
    const inner = this.#placeOf(place, key);
    if (inner === "metadata") this.#hasMetadata = true;
    const begin = this.#used;
    const end =
      inner === "plain" ? this.#value(bytes, valueStart, depth + 1) : this.#object(bytes, valueStart, inner, 1);
    // labels of which none is left are no labels
    if ((inner === "labels" || inner === "annotations") && this.#used === begin + 2) this.#used = memberStart;
    else this.#out[this.#used++] = COMMA;
    return afterMember(bytes, end);
  }

  #isStripped(place: Place, key: string): boolean {
    if (place === "plain") return false;
    if (place === "root") return key === "status";
    if (place === "labels") return key === BACKUP_NAME_LABEL || key === RESTORE_NAME_LABEL;
    if (place === "annotations") return this.#narrower.annotations.has(key);
    if (key === "__proto__") throw NEEDS_PARSE;
    return STRIPPED_METADATA.has(key) || this.#narrower.fields.has(key);
  }

  #placeOf(place: Place, key: string): Place {
    if (place === "root" && key === "metadata") return "metadata";
    if (place !== "metadata") return "plain";
    if (key === "annotations" && this.#narrower.annotations.size > 0) return "annotations";
    return key === "labels" ? "labels" : "plain";
  }

  /** Writes the key at `at`. Bytes sort as code units only in ASCII, and an escaped key sorts by what it means. */
  #key(bytes: Buffer, at: number): number {
    if (bytes[at] !== QUOTE) throw NEEDS_PARSE;
    const out = this.#out;
    let used = this.#used;
    let from = at;
    let byte: number | undefined = QUOTE;
    do {
      out[used++] = byte;
      byte = bytes[++from];
      if (byte === undefined || byte > 0x7e || byte < 0x20 || byte === BACKSLASH) throw NEEDS_PARSE;
    } while (byte !== QUOTE);
    out[used++] = QUOTE;
    this.#used = used;
    return from + 1;
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

  /** Puts the members noted from `base` on, which end at the end of what is written, into the order of their keys. */
  #sort(base: number): void {
    const starts = this.#starts;
    const begin = starts[base] as number;
    const end = this.#used;
    if (this.#spare.length < end) this.#spare = Buffer.allocUnsafeSlow(this.#out.length);
    const spare = this.#spare;
    copyBytes(this.#out, spare, { from: begin, to: end, at: begin });
    const order = this.#orderOf(base, spare);
    let used = begin;
    let previous = -1;
    for (let place = base; place < this.#members; place++) {
      const index = order[place] as number;
      const from = starts[index] as number;
      const to = index + 1 < this.#members ? (starts[index + 1] as number) : end;
      if (previous >= 0 && compareKeys(spare, previous, from) === 0) throw NEEDS_PARSE; // a key that stands twice
      previous = from;
      used += copyBytes(spare, this.#out, { from, to, at: used });
    }
  }

  /** The members noted from `base` on by their keys, which stand in `keys`. */
  #orderOf(base: number, keys: Buffer): Int32Array {
    const starts = this.#starts;
    const end = this.#members;
    if (this.#order.length < starts.length) this.#order = new Int32Array(starts.length);
    const order = this.#order;
    if (end - base > FEW_MEMBERS) {
      const sorted = Int32Array.from({ length: end - base }, (_, index) => base + index);
      order.set(
        sorted.sort((a, b) => compareKeys(keys, starts[a] as number, starts[b] as number)),
        base,
      );
      return order;
    }
    for (let next = base; next < end; next++) {
      const start = starts[next] as number;
      let place = next;
      for (; place > base; place--) {
        const before = order[place - 1] as number;
        if (compareKeys(keys, starts[before] as number, start) <= 0) break;
        order[place] = before;
      }
      order[place] = next;
    }
    return order;
  }
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

/** Numbers and literals are written as they came: parse tags a number that a double would write otherwise. */
function isScalar(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] as number;
  if (first === MINUS || isDigit(first)) return true;
  const text = bytes.toString("latin1", start, end);
  return text === "true" || text === "false" || text === "null";
}
