import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { ListPage } from "./client.ts";
import { HAS_API_VERSION, HAS_KIND, managedFieldsOf, typeMetaOf } from "./list-scanner.ts";

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
  const cut = managedFieldsOf(bytes);
  if (cut === undefined) return parseJson(bytes) as KubeObject;
  return parseJson(bytes.toString("utf8", 0, cut.start) + bytes.toString("utf8", cut.end)) as KubeObject;
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
