import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { encodeDelta } from "./delta.ts";
import type { ReadObject } from "./tree.ts";
import type { NewObject } from "./tree-edit.ts";

const TYPE_NUMBER = { commit: 1, tree: 2, blob: 3 } as const;
const REF_DELTA = 7;
const MAX_DELTA_BYTES = 512 * 1024;

/**
 * Packs new objects for a push (gitformat-pack). With `thin`, an object that replaces one the remote has travels as
 * its difference, so that a row added to a long index costs a row. Deterministic.
 */
export async function writePack(objects: readonly NewObject[], read: ReadObject, thin: boolean): Promise<Buffer> {
  const header = Buffer.alloc(12);
  header.write("PACK", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(objects.length, 8);
  const parts: Buffer[] = [header];
  for (const object of objects) parts.push(...(await encode(object, read, thin)));
  const pack = Buffer.concat(parts);
  return Buffer.concat([pack, createHash("sha1").update(pack).digest()]);
}

async function encode(object: NewObject, read: ReadObject, thin: boolean): Promise<Buffer[]> {
  const whole = deflateSync(object.bytes);
  const delta = thin ? await deltaOf(object, read) : undefined;
  const deflated = delta === undefined ? undefined : deflateSync(delta);
  if (delta === undefined || deflated === undefined || deflated.length + 20 >= whole.length) {
    return [entryHeader(TYPE_NUMBER[object.type], object.bytes.length), whole];
  }
  return [entryHeader(REF_DELTA, delta.length), Buffer.from(object.replaces ?? "", "hex"), deflated];
}

async function deltaOf(object: NewObject, read: ReadObject): Promise<Buffer | undefined> {
  if (object.replaces === undefined || object.bytes.length > MAX_DELTA_BYTES) return undefined;
  const base = await read(object.replaces);
  if (base?.type !== object.type || base.bytes.length > MAX_DELTA_BYTES) return undefined;
  return encodeDelta(base.bytes, object.bytes);
}

function entryHeader(type: number, sizeBytes: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (sizeBytes & 15);
  for (let rest = sizeBytes >>> 4; rest > 0; rest >>>= 7) {
    bytes.push(byte | 0x80);
    byte = rest & 0x7f;
  }
  bytes.push(byte);
  return Buffer.from(bytes);
}
