/** Git's tree objects: names as their bytes (latin1 strings), since a name need not be UTF-8. */
import { CodedError } from "../errors.ts";
import type { GitObject } from "./object-id.ts";

export const MODE_FILE = "100644";
export const MODE_EXECUTABLE = "100755";
export const MODE_FOLDER = "40000";
export const MODE_SYMLINK = "120000";
export const MODE_SUBMODULE = "160000";

export interface TreeEntry {
  readonly mode: string;
  /** The name's bytes, one per character. */
  readonly name: string;
  readonly oid: string;
}

/** Finds objects; undefined when the clone lacks one. */
export type ReadObject = (oid: string) => Promise<GitObject | undefined>;

/** Takes a tree apart. @throws {RangeError} when it is malformed */
export function parseTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const span = spanAt(bytes, at);
    entries.push(entryOf(bytes, span));
    at = span.next;
  }
  return entries;
}

/** One entry of a tree by its name's bytes; nothing is made of the others. @throws {RangeError} when it is malformed */
function findInTree(bytes: Buffer, name: Buffer): TreeEntry | undefined {
  for (let at = 0; at < bytes.length; ) {
    const span = spanAt(bytes, at);
    if (bytes.compare(name, 0, name.length, span.space + 1, span.end) === 0) return entryOf(bytes, span);
    at = span.next;
  }
  return undefined;
}

/** Where an entry lies: mode, a space, the name, a zero, 20 bytes of object id. */
interface Span {
  readonly at: number;
  readonly space: number;
  readonly end: number;
  readonly next: number;
}

function spanAt(bytes: Buffer, at: number): Span {
  const space = bytes.indexOf(0x20, at);
  const end = bytes.indexOf(0, space);
  if (space < 0 || end < 0 || end + 21 > bytes.length) throw new RangeError("a tree in the repository is malformed");
  return { at, space, end, next: end + 21 };
}

function entryOf(bytes: Buffer, { at, space, end, next }: Span): TreeEntry {
  return {
    mode: bytes.toString("latin1", at, space).replace(/^0+/, ""),
    name: bytes.toString("latin1", space + 1, end),
    oid: bytes.toString("hex", end + 1, next),
  };
}

/** Puts a tree together, sorted as Git sorts: by bytes, a folder as if its name ended with `/`. */
export function serializeTree(entries: Iterable<TreeEntry>): Buffer {
  const sorted = [...entries].sort((a, b) => compareBytes(sortName(a), sortName(b)));
  return Buffer.concat(
    sorted.flatMap(({ mode, name, oid }) => [Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(oid, "hex")]),
  );
}

function sortName(entry: TreeEntry): string {
  return entry.mode === MODE_FOLDER ? `${entry.name}/` : entry.name;
}

function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The name as people write it, as Git stores it. */
export function nameBytes(name: string): string {
  return Buffer.from(name, "utf8").toString("latin1");
}

/** The name for people; undefined when its bytes are not UTF-8. */
export function nameText(name: string): string | undefined {
  const bytes = Buffer.from(name, "latin1");
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/**
 * The parts of a path below the repository's root; none for the root itself.
 * @throws {InvalidSpec} for a path that leaves the repository or that no checkout could hold
 */
export function pathParts(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const illegal = parts.some((part) => part === ".." || part.toLowerCase() === ".git" || part.includes("\0"));
  if (!illegal) return parts;
  throw new CodedError("InvalidSpec", { fields: ["path"] }, `"${path}" is not a path inside a repository`);
}

/** The entries of a tree. @throws {GitRevisionMissing} when the clone lacks it */
export async function readTreeEntries(read: ReadObject, oid: string): Promise<TreeEntry[]> {
  return parseTree((await readExisting(read, oid, "tree")).bytes);
}

/** An object that must be there. @throws {GitRevisionMissing} when the clone lacks it */
export async function readExisting(read: ReadObject, oid: string, type: GitObject["type"]): Promise<GitObject> {
  const object = await read(oid);
  if (object?.type === type) return object;
  const problem = object === undefined ? "is not in the local clone: fetch the branch again" : `is a ${object.type}`;
  throw new CodedError("GitRevisionMissing", { revision: oid }, `the ${type} ${oid} ${problem}`);
}

/** What stands at a path: undefined when nothing does. The root is a folder named "". */
export async function findEntry(read: ReadObject, root: string, path: string): Promise<TreeEntry | undefined> {
  let found: TreeEntry = { mode: MODE_FOLDER, name: "", oid: root };
  for (const part of pathParts(path)) {
    if (found.mode !== MODE_FOLDER) return undefined;
    const next = findInTree((await readExisting(read, found.oid, "tree")).bytes, Buffer.from(part, "utf8"));
    if (next === undefined) return undefined;
    found = next;
  }
  return found;
}
