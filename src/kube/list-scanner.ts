/**
 * Cuts the body of a LIST into its items without parsing it: the archive keeps each item as the server wrote it, and a
 * page of megabytes costs one pass over its bytes. Written for speed first; the law it keeps is in its property test.
 */

import {
  broken,
  CLOSE_ARRAY,
  COMMA,
  DONE,
  eachMember,
  isKey,
  isSpace,
  keyText,
  type Member,
  OPEN_ARRAY,
  OPEN_OBJECT,
  parsedAt,
  skipSpace,
  valueEnd,
} from "../api/json-bytes.ts";

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
    if (key === "apiVersion") apiVersion = String(parsedAt(body, valueStart, end));
    else if (key === "kind") kind = String(parsedAt(body, valueStart, end));
    else if (key === "metadata") metadata = (parsedAt(body, valueStart, end) ?? {}) as Record<string, unknown>;
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

/**
 * The continue token of a LIST body whose metadata stand before its items, as those of built-in kinds do: known without
 * a look at the items. Undefined where only `scanList` tells.
 */
export function peekContinueToken(body: Buffer): string | undefined {
  let token: string | undefined;
  try {
    eachMember(body, 0, (keyStart, keyEnd, valueStart) => {
      if (isKey(body, keyStart, keyEnd, "items")) return DONE;
      const end = valueEnd(body, valueStart);
      if (!isKey(body, keyStart, keyEnd, "metadata")) return end;
      const metadata = parsedAt(body, valueStart, end) as Record<string, unknown> | null;
      token = typeof metadata?.continue === "string" ? metadata.continue : "";
      return DONE;
    });
  } catch {
    return undefined; // whoever scans it says what is wrong
  }
  return token;
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
 * Name and namespace of an object, read without parsing the rest.
 * Shape: `namespace` is "" where there is none; undefined when the bytes are no named object.
 */
export function itemKey(item: Buffer): { namespace: string; name: string } | undefined {
  const [name = "", namespace = ""] = metadataTexts(item, ["name", "namespace"]);
  return name === "" ? undefined : { namespace, name };
}

/**
 * Texts of an object's metadata, such as its `uid`, in the order of `fields`; undefined where one is not there. Looks no
 * further than the last of them. @throws SyntaxError
 */
export function metadataTexts(item: Buffer, fields: readonly string[]): (string | undefined)[] {
  const found: (string | undefined)[] = fields.map(() => undefined);
  let lacking = fields.length;
  eachMember(item, 0, (keyStart, keyEnd, valueStart) => {
    if (keyText(item, keyStart, keyEnd) !== "metadata" || item[valueStart] !== OPEN_OBJECT)
      return valueEnd(item, valueStart);
    return eachMember(item, valueStart, (innerStart, innerEnd, innerValue) => {
      const end = valueEnd(item, innerValue);
      const index = fields.indexOf(keyText(item, innerStart, innerEnd));
      if (index < 0) return end;
      found[index] = String(parsedAt(item, innerValue, end));
      return --lacking === 0 ? DONE : end;
    });
  });
  return found;
}

/** A piece of a text, by the places of its first byte and the one after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where `metadata.managedFields` stands in an object, with the comma that goes with it: without the bytes from `start`
 * to `end` the object is still JSON. Undefined where there are none.
 */
export function managedFieldsOf(item: Buffer): Span | undefined {
  let found: Span | undefined;
  eachMember(item, 0, (keyStart, keyEnd, valueStart) => {
    if (keyText(item, keyStart, keyEnd) !== "metadata" || item[valueStart] !== OPEN_OBJECT) {
      return valueEnd(item, valueStart);
    }
    const metadata = readMetadata(item, valueStart);
    found = metadata.managedFields;
    return found === undefined ? metadata.end : DONE;
  });
  return found;
}

/** The end of the metadata that begin at `start`, and where their managed fields stand. */
export function readMetadata(
  item: Buffer,
  start: number,
): { readonly end: number; readonly managedFields: Span | undefined } {
  let managedFields: Span | undefined;
  const after = eachMember(item, start, (keyStart, keyEnd, valueStart) => {
    const end = valueEnd(item, valueStart);
    if (keyText(item, keyStart, keyEnd) === "managedFields") managedFields = withComma(item, keyStart - 1, end);
    return end;
  });
  return { end: after, managedFields };
}

/** A member and the comma after it, else the one before it. */
function withComma(bytes: Buffer, start: number, end: number): Span {
  const after = skipSpace(bytes, end);
  if (bytes[after] === COMMA) return { start, end: after + 1 };
  let before = start - 1;
  while (isSpace(bytes[before])) before--;
  return bytes[before] === COMMA ? { start: before, end } : { start, end };
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
  if (isKey(bytes, keyStart, keyEnd, "kind")) return HAS_KIND;
  return isKey(bytes, keyStart, keyEnd, "apiVersion") ? HAS_API_VERSION : 0;
}
