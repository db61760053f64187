import { CodedError } from "../errors.ts";
import type { FolderEntry, ReadTreeOptions, RefusedEntry, Revision, TreeFile } from "./remote.ts";
import {
  findEntry,
  MODE_EXECUTABLE,
  MODE_FILE,
  MODE_FOLDER,
  MODE_SUBMODULE,
  MODE_SYMLINK,
  nameText,
  pathParts,
  type ReadObject,
  readExisting,
  readTreeEntries,
  type TreeEntry,
} from "./tree.ts";

export const MAX_FILE_BYTES = 1024 * 1024;
export const MAX_FILES = 10_000;
const MAX_DEPTH = 100;

export interface TreeSource {
  readonly read: ReadObject;
  readonly sizeOf: (oid: string) => Promise<number | undefined>;
  readonly revision: Revision;
  /** The revision's root tree. */
  readonly root: string;
}

/**
 * Reads every regular file under a path from the object database: no checkout, so nothing in the tree is ever a path
 * on our disk.
 * @throws {GitPathMissing}
 * @throws {GitEntryRefused} for a name that is no UTF-8 and for too many files; for a symlink, a submodule and a
 *   wanted file that is large unless `onRefused` hears of them
 */
export async function readTreeFiles(
  source: TreeSource,
  path: string,
  options: ReadTreeOptions = {},
): Promise<readonly TreeFile[]> {
  const start = await findEntry(source.read, source.root, path);
  const clean = pathParts(path).join("/");
  if (start === undefined) throw pathMissing(source.revision, clean);
  const files: TreeFile[] = [];
  let seen = 0;

  const visit = async (entry: TreeEntry, at: string, depth: number): Promise<void> => {
    options.signal?.throwIfAborted();
    if (depth > MAX_DEPTH) throw refused(at, "folders lie too deep in each other");
    if (entry.mode === MODE_FOLDER) {
      for (const child of await readTreeEntries(source.read, entry.oid)) {
        await visit(child, joinPath(at, childName(child, at)), depth + 1);
      }
      return;
    }
    seen += 1;
    if (seen > MAX_FILES) throw tooMany(clean);
    const file = await readEntry(source, entry, at, options);
    if (file !== undefined) files.push(file);
  };

  await visit(start, clean, 0);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** One entry of a tree, read unless it is unwanted or refused. */
async function readEntry(
  source: Pick<TreeSource, "read" | "sizeOf">,
  entry: TreeEntry,
  at: string,
  options: ReadTreeOptions,
): Promise<TreeFile | undefined> {
  const isWanted = options.wanted?.(at) !== false;
  const refusal = linkRefusal(entry, at) ?? (isWanted ? await sizeRefusal(source, entry, at) : undefined);
  if (refusal === undefined) assertRegular(entry, at);
  else if (options.onRefused === undefined) throw refused(refusal.path, refusal.why);
  else options.onRefused(refusal);
  if (refusal !== undefined || !isWanted) return undefined;
  const { bytes } = await readExisting(source.read, entry.oid, "blob");
  return { path: at, bytes, mode: entry.mode === MODE_EXECUTABLE ? MODE_EXECUTABLE : MODE_FILE };
}

/** Reads files whose entries are known already, such as those of a merge that no commit holds. @throws {GitEntryRefused} */
export async function readEntries(
  source: Pick<TreeSource, "read" | "sizeOf">,
  entries: readonly { readonly path: string; readonly mode: string; readonly oid: string }[],
  options: ReadTreeOptions = {},
): Promise<readonly TreeFile[]> {
  if (entries.length > MAX_FILES) throw tooMany("");
  const files: TreeFile[] = [];
  for (const { path, mode, oid } of entries) {
    const file = await readEntry(source, { mode, name: "", oid }, path, options);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** One file; undefined when there is none. @throws {GitEntryRefused} for a symlink or a submodule */
export async function readOneFile(source: TreeSource, path: string): Promise<Buffer | undefined> {
  const entry = await findEntry(source.read, source.root, path);
  if (entry === undefined || entry.mode === MODE_FOLDER) return undefined;
  assertRegular(entry, path);
  return (await readExisting(source.read, entry.oid, "blob")).bytes;
}

/** The names in one folder, sorted; empty when there is no such folder. */
export async function listOneFolder(source: TreeSource, path: string): Promise<readonly FolderEntry[]> {
  const entry = await findEntry(source.read, source.root, path);
  if (entry === undefined || entry.mode !== MODE_FOLDER) return [];
  const entries = await readTreeEntries(source.read, entry.oid);
  return entries.map(({ name, mode }) => ({ name: nameText(name) ?? name, type: entryType(mode) }));
}

function entryType(mode: string): FolderEntry["type"] {
  if (mode === MODE_FOLDER) return "folder";
  return isRegular(mode) ? "file" : "other";
}

function isRegular(mode: string): boolean {
  return mode === MODE_FILE || mode === MODE_EXECUTABLE || mode === "100664";
}

function linkRefusal({ mode }: TreeEntry, path: string): RefusedEntry | undefined {
  if (mode === MODE_SYMLINK) return { path, type: "symlink", why: "it is a symbolic link" };
  if (mode === MODE_SUBMODULE) return { path, type: "submodule", why: "it is a submodule" };
  return undefined;
}

async function sizeRefusal(
  source: Pick<TreeSource, "sizeOf">,
  { oid }: TreeEntry,
  path: string,
): Promise<RefusedEntry | undefined> {
  const size = (await source.sizeOf(oid)) ?? 0;
  return size <= MAX_FILE_BYTES ? undefined : { path, type: "size", why: `it is larger than 1 MiB (${size} bytes)` };
}

function assertRegular(entry: TreeEntry, at: string): void {
  const link = linkRefusal(entry, at);
  if (link !== undefined) throw refused(at, link.why);
  const { mode } = entry;
  if (!isRegular(mode)) throw refused(at, `it has the unknown mode ${mode}`);
}

/** A tree may hold names that no checkout makes; someone wrote them by hand, and not for a good purpose. */
function childName(entry: TreeEntry, folder: string): string {
  const name = nameText(entry.name);
  if (name === undefined) throw refused(joinPath(folder, entry.name), "its name is not UTF-8");
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.toLowerCase() === ".git") {
    throw refused(joinPath(folder, name), "no file can have this name");
  }
  return name;
}

function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function refused(path: string, why: string): CodedError {
  return new CodedError(
    "GitEntryRefused",
    { path, why },
    `${path === "" ? "the repository" : path} is refused: ${why}`,
  );
}

function tooMany(path: string): CodedError {
  return refused(path, `there are more than ${MAX_FILES.toLocaleString("en")} files under it`);
}

function pathMissing(revision: Revision, path: string): CodedError {
  return new CodedError("GitPathMissing", { path, revision }, `there is no ${path} at ${revision.slice(0, 12)}`);
}
