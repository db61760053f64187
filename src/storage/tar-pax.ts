import { TarRefusal } from "./tar-refusal.ts";

/**
 * The path that a PAX header gives to the next entry, or undefined. Records a reader could act on in another way
 * (sizes, sparse maps, a path for all entries) are refused.
 */
export function pathOfPax(records: Buffer, isGlobal: boolean): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(0x20, at);
    const digits = space < 0 ? "" : records.toString("latin1", at, space);
    const length = /^[1-9][0-9]{0,6}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length <= digits.length + 1 || end > records.length || records[end - 1] !== 0x0a) {
      throw new TarRefusal("invalid", "", "a PAX header is malformed");
    }
    const record = records.toString("utf8", space + 1, end - 1);
    const equals = record.indexOf("=");
    if (equals < 0) throw new TarRefusal("invalid", "", "a PAX record has no value");
    const key = record.slice(0, equals);
    if (key.startsWith("GNU.sparse.")) throw new TarRefusal("unsafe", "", "a PAX header makes it a sparse file");
    if (key === "size") throw new TarRefusal("unsafe", "", "a PAX header changes the size of an entry");
    if (key === "path") path = record.slice(equals + 1);
    at = end;
  }
  if (isGlobal && path !== undefined) throw new TarRefusal("unsafe", "", "a global PAX header names a path");
  return path;
}
