import { parseJson } from "../api/json.ts";
import { asBuffer, DONE, eachMember, keyText, OPEN_OBJECT, valueEnd } from "../api/json-bytes.ts";
import type { KubeObject } from "../api/object.ts";
import type { ListPage } from "./client.ts";
import { HAS_API_VERSION, HAS_KIND, managedFieldsOf, readMetadata, type Span, typeMetaOf } from "./list-scanner.ts";

const COMPLETE = HAS_API_VERSION | HAS_KIND;

/**
 * One item of a page as the archive stores it: its own bytes, with `apiVersion` and `kind` put in front where it lacks
 * them (items of built-in kinds do, custom resources don't).
 * Shape: a view into the page where nothing was lacking, else new memory; keeping a view keeps the page.
 */
export function itemWithTypeMeta(page: ListPage, index: number): Uint8Array {
  const item = itemAt(page, index);
  const carries = page.typeMeta?.[index] ?? typeMetaOf(item);
  return carries === COMPLETE ? item : prefixed(item, carries, page);
}

/**
 * An object's bytes as a value, for deciding: without `metadata.managedFields`, which no decision needs and which are a
 * third of what would be parsed. @throws SyntaxError
 */
export function parseForDeciding(item: Uint8Array): KubeObject {
  const bytes = asBuffer(item);
  const cut = managedFieldsOf(bytes);
  const rest = cut === undefined ? bytes : Buffer.concat([bytes.subarray(0, cut.start), bytes.subarray(cut.end)]);
  return parseJson(rest) as KubeObject;
}

/**
 * The head of an object as a value: apiVersion, kind, and metadata without `managedFields`. What most decisions need,
 * at a tenth of the price; the rest of the bytes is not looked at, and may not even be JSON. `carries` are the bits of
 * `typeMeta` for an item of a page, which may lack both. @throws SyntaxError
 */
export function parseHead(item: Uint8Array, carries = COMPLETE): KubeObject {
  const bytes = asBuffer(item);
  const wanted = 1 + (carries & HAS_API_VERSION ? 1 : 0) + (carries & HAS_KIND ? 1 : 0);
  const head: Record<string, unknown> = {};
  let found = 0;
  eachMember(bytes, 0, (keyStart, keyEnd, start) => {
    const key = keyText(bytes, keyStart, keyEnd);
    if (!HEAD.has(key)) return valueEnd(bytes, start);
    const isMetadata = key === "metadata" && bytes[start] === OPEN_OBJECT;
    const { end, managedFields } = isMetadata
      ? readMetadata(bytes, start)
      : { end: valueEnd(bytes, start), managedFields: undefined };
    // no decision is about a number in a head, so that none needs its digits kept
    head[key] = JSON.parse(textWithout(bytes, { start, end }, managedFields));
    found++;
    return found === wanted ? DONE : end;
  });
  return head as unknown as KubeObject;
}

const HEAD = new Set(["apiVersion", "kind", "metadata"]);

function textWithout(bytes: Buffer, { start, end }: Span, cut: Span | undefined): string {
  if (cut === undefined) return bytes.toString("utf8", start, end);
  return bytes.toString("utf8", start, cut.start) + bytes.toString("utf8", cut.end, end);
}

const EMPTY_OBJECT = /^\{\s*\}$/;

/**
 * As `itemWithTypeMeta`, into memory that is used again: what it answers is valid until the next call. A page of five
 * hundred items then costs no allocation for each.
 */
export function createItemReader(): (page: ListPage, index: number) => Buffer {
  let memory = Buffer.allocUnsafeSlow(64 * 1024);
  let front: { readonly page: ListPage; readonly carries: number; readonly bytes: Buffer } | undefined;
  return (page, index) => {
    const item = itemAt(page, index);
    const carries = page.typeMeta?.[index] ?? typeMetaOf(item);
    if (carries === COMPLETE) return item;
    if (isEmptyObject(item)) return prefixed(item, carries, page);
    if (front?.page !== page || front.carries !== carries) front = { page, carries, bytes: frontOf(carries, page) };
    const needed = front.bytes.length + item.length;
    if (memory.length < needed) memory = Buffer.allocUnsafeSlow(needed * 2);
    front.bytes.copy(memory);
    const copied = item.copy(memory, front.bytes.length, item.indexOf("{") + 1);
    return memory.subarray(0, front.bytes.length + copied);
  };
}

function itemAt(page: ListPage, index: number): Buffer {
  const item = page.items[index];
  if (item === undefined) throw new RangeError(`the page has ${page.items.length} items, none at ${index}`);
  return asBuffer(item);
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

function prefixed(item: Buffer, carries: number, type: TypeMeta): Buffer {
  const front = frontOf(carries, type, isEmptyObject(item) ? "" : ",");
  return Buffer.concat([front, item.subarray(item.indexOf("{") + 1)]);
}

function isEmptyObject(item: Buffer): boolean {
  return item.length < 64 && EMPTY_OBJECT.test(item.toString());
}

/** What goes in front of an object's first member, its opening brace included. */
function frontOf(carries: number, type: TypeMeta, comma = ","): Buffer {
  const lacking: string[] = [];
  if ((carries & HAS_API_VERSION) === 0) lacking.push(`"apiVersion":${JSON.stringify(type.apiVersion)}`);
  if ((carries & HAS_KIND) === 0) lacking.push(`"kind":${JSON.stringify(type.kind)}`);
  return Buffer.from(`{${lacking.join(",")}${comma}`);
}
