/** Rows of `holdfast-index.jsonl.gz`: where each object's bytes are, and what they hold, without reading them. */

import type { ObjectKey } from "../api/object.ts";

/** One object of a backup. Of a Velero backup, `member` and `memberLength` are 0 and `offset` is the reader's own. */
export interface IndexRow {
  /** `deployments.apps`, or `pods` for the core group. */
  readonly resource: string;
  /** `v1`: the API version the object was listed in. */
  readonly version: string;
  readonly kind: string;
  /** "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Offset in bytes of the gzip member in the archive, and its length there. */
  readonly member: number;
  readonly memberLength: number;
  /** Offset and length in bytes of the body inside the inflated member. */
  readonly offset: number;
  readonly length: number;
  /** Of the body's bytes; 64 hex digits. */
  readonly sha256: string;
  /** `contentDigest` of the object; 64 hex digits. */
  readonly content: string;
  /** The folder of a version that is not the preferred one, such as `v1beta1`; absent on the classic path. */
  readonly versionFolder?: string;
}

/** Order of rows: by (resource, namespace, name), then the classic path before version folders; UTF-8 byte order. */
export function compareRows(a: RowPosition, b: RowPosition): number {
  return (
    compareUtf8(a.resource, b.resource) ||
    compareUtf8(a.namespace, b.namespace) ||
    compareUtf8(a.name, b.name) ||
    compareUtf8(a.versionFolder ?? "", b.versionFolder ?? "")
  );
}

/** What the order of rows looks at. */
export interface RowPosition extends ObjectKey {
  readonly resource: string;
  readonly versionFolder?: string;
}

/** The order of an API server's lists: that of `namespace/name`, or `name`, in UTF-8. */
export function compareKeys(a: ObjectKey, b: ObjectKey): number {
  if (a.namespace === b.namespace) return compareUtf8(a.name, b.name);
  return compareUtf8(listKey(a), listKey(b));
}

function listKey({ namespace, name }: ObjectKey): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** Compares as the UTF-8 bytes compare; JavaScript's own order differs beyond the basic plane. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they rank after every other unit. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit <= 0xdfff ? unit + 0x2000 : unit - 0x800;
}
