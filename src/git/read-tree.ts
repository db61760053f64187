import { CodedError } from "../errors.ts";
import type { FolderEntry, ReadTreeOptions, Revision, TreeFile } from "./remote.ts";
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
 * @throws {GitEntryRefused} for a symlink, a submodule, a name that is no UTF-8, a large file, or too many files
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
    if (seen > MAX_FILES) throw refused(clean, `there are more than ${MAX_FILES.toLocaleString("en")} files under it`);
    assertRegular(entry, at);
    const size = (await source.sizeOf(entry.oid)) ?? 0;
    if (size > MAX_FILE_BYTES) throw refused(at, `it is larger than 1 MiB (${size} bytes)`);
    if (options.wanted?.(at) === false) return;
    const { bytes } = await readExisting(source.read, entry.oid, "blob");
    files.push({ path: at, bytes, mode: entry.mode === MODE_EXECUTABLE ? MODE_EXECUTABLE : MODE_FILE });
  };

  await visit(start, clean, 0);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
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

function assertRegular({ mode }: TreeEntry, at: string): void {
  if (mode === MODE_SYMLINK) throw refused(at, "it is a symbolic link");
  if (mode === MODE_SUBMODULE) throw refused(at, "it is a submodule");
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

function pathMissing(revision: Revision, path: string): CodedError {
  return new CodedError("GitPathMissing", { path, revision }, `there is no ${path} at ${revision.slice(0, 12)}`);
}
