import { parseJson } from "../api/json.ts";
import { DONE, eachMember, keyText, OPEN_OBJECT, valueEnd } from "../api/json-bytes.ts";
import type { KubeObject } from "../api/object.ts";
import type { ListPage } from "./client.ts";
import { HAS_API_VERSION, HAS_KIND, managedFieldsOf, readMetadata, type Span, typeMetaOf } from "./list-scanner.ts";

/**
 * One item of a page as the archive stores it: its own bytes, with `apiVersion` and `kind` put in front where it lacks
 * them (items of built-in kinds do, custom resources don't).
 * Shape: a view into the page where nothing was lacking, else new memory; keeping a view keeps the page.
 */
export function itemWithTypeMeta(page: ListPage, index: number): Uint8Array {
  const item = page.items[index];
  if (item === undefined) throw new RangeError(`the page has ${page.items.length} items, none at ${index}`);
  return prefixed(asBuffer(item), page.typeMeta?.[index], page);
}

/**
 * An object's bytes as a value, for deciding: without `metadata.managedFields`, which no decision needs and which are a
 * third of what would be parsed. @throws SyntaxError
 */
export function parseForDeciding(item: Uint8Array): KubeObject {
  const bytes = asBuffer(item);
  return parseJson(textWithout(bytes, { start: 0, end: bytes.length }, managedFieldsOf(bytes))) as KubeObject;
}

/**
 * The head of an object as a value: apiVersion, kind, and metadata without `managedFields`. What most decisions need,
 * at a tenth of the price; the rest of the bytes is not looked at, and may not even be JSON. @throws SyntaxError
 */
export function parseHead(item: Uint8Array): KubeObject {
  const bytes = asBuffer(item);
  const members: string[] = [];
  eachMember(bytes, 0, (keyStart, keyEnd, start) => {
    const key = keyText(bytes, keyStart, keyEnd);
    if (!HEAD.has(key)) return valueEnd(bytes, start);
    const isMetadata = key === "metadata" && bytes[start] === OPEN_OBJECT;
    const { end, managedFields } = isMetadata
      ? readMetadata(bytes, start)
      : { end: valueEnd(bytes, start), managedFields: undefined };
    members.push(`"${key}":${textWithout(bytes, { start, end }, managedFields)}`);
    return members.length === HEAD.size ? DONE : end;
  });
  return parseJson(`{${members.join(",")}}`) as KubeObject;
}

const HEAD = new Set(["apiVersion", "kind", "metadata"]);

function textWithout(bytes: Buffer, { start, end }: Span, cut: Span | undefined): string {
  if (cut === undefined) return bytes.toString("utf8", start, end);
  return bytes.toString("utf8", start, cut.start) + bytes.toString("utf8", cut.end, end);
}

const COMPLETE = HAS_API_VERSION | HAS_KIND;
const EMPTY_OBJECT = /^\{\s*\}$/;

function prefixed(
  item: Buffer,
  known: number | undefined,
  type: { readonly apiVersion: string; readonly kind: string },
): Uint8Array {
  const carries = known ?? typeMetaOf(item);
  if (carries === COMPLETE) return item;
  const lacking: string[] = [];
  if ((carries & HAS_API_VERSION) === 0) lacking.push(`"apiVersion":${JSON.stringify(type.apiVersion)}`);
  if ((carries & HAS_KIND) === 0) lacking.push(`"kind":${JSON.stringify(type.kind)}`);
  const isEmpty = item.length < 64 && EMPTY_OBJECT.test(item.toString());
  const front = Buffer.from(`{${lacking.join(",")}${isEmpty ? "" : ","}`);
  return Buffer.concat([front, item.subarray(item.indexOf("{") + 1)]);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
