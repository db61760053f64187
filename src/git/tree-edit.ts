/** Puts files into a tree by rewriting only the folders on their way: everything else keeps its object. */
import { CodedError } from "../errors.ts";
import { objectId } from "./object-id.ts";
import type { FileChanges } from "./remote.ts";
import {
  MODE_EXECUTABLE,
  MODE_FILE,
  MODE_FOLDER,
  nameBytes,
  parseTree,
  pathParts,
  type ReadObject,
  readExisting,
  serializeTree,
  type TreeEntry,
} from "./tree.ts";

/** An object the remote does not have yet, and the one it replaces, which the remote has. */
export interface NewObject {
  readonly type: "blob" | "tree" | "commit";
  readonly oid: string;
  readonly bytes: Buffer;
  readonly replaces: string | undefined;
}

export interface TreeEdit {
  /** The new root; undefined when nothing is left. The old root when nothing differs. */
  readonly root: string | undefined;
  readonly objects: readonly NewObject[];
  /** The paths whose content differs, sorted. */
  readonly changed: readonly string[];
}

/**
 * Applies changes to a tree and compares bytes by their object id, so that equal content is no change and no blob is
 * read. Pure but for reading the trees it rewrites.
 * @throws {InvalidSpec} when one path lies inside another that is a file
 */
export async function editTree(read: ReadObject, root: string | undefined, changes: FileChanges): Promise<TreeEdit> {
  const edit: Edit = { read, objects: new Map(), changed: [] };
  const newRoot = await editFolder(edit, root, nest(changes), "");
  return { root: newRoot, objects: [...edit.objects.values()], changed: edit.changed.sort() };
}

interface Edit {
  readonly read: ReadObject;
  readonly objects: Map<string, NewObject>;
  readonly changed: string[];
}

async function editFolder(
  edit: Edit,
  old: string | undefined,
  folder: Folder,
  at: string,
): Promise<string | undefined> {
  const oldBytes = old === undefined ? undefined : (await readExisting(edit.read, old, "tree")).bytes;
  const entries = new Map(parseTree(oldBytes ?? Buffer.alloc(0)).map((entry) => [entry.name, entry]));
  let touched = false;
  for (const [part, change] of folder) {
    const name = nameBytes(part);
    const before = entries.get(name);
    const after = await editEntry(edit, before, { name, change, at: `${at}${part}` });
    if (after?.oid === before?.oid && after?.mode === before?.mode) continue;
    touched = true;
    if (after === undefined) entries.delete(name);
    else entries.set(name, after);
  }
  if (!touched) return old;
  if (entries.size === 0) return undefined;
  const bytes = serializeTree(entries.values());
  return keep(edit, { type: "tree", oid: objectId("tree", bytes), bytes, replaces: old });
}

interface EntryEdit {
  readonly name: string;
  readonly change: Change;
  readonly at: string;
}

async function editEntry(
  edit: Edit,
  before: TreeEntry | undefined,
  { name, change, at }: EntryEdit,
): Promise<TreeEntry | undefined> {
  switch (change.type) {
    case "folder": {
      const old = before?.mode === MODE_FOLDER ? before.oid : undefined;
      const oid = await editFolder(edit, old, change.entries, `${at}/`);
      if (oid !== undefined) return { mode: MODE_FOLDER, name, oid };
      // Nothing to put into the folder: a file that stands at its place may stay.
      return old === undefined ? before : undefined;
    }
    case "delete":
      if (before !== undefined) edit.changed.push(at);
      return undefined;
    case "file":
      return putFile(edit, before, { name, bytes: change.bytes, at });
  }
}

function putFile(
  edit: Edit,
  before: TreeEntry | undefined,
  file: { name: string; bytes: Buffer; at: string },
): TreeEntry {
  const oid = objectId("blob", file.bytes);
  const mode = before?.mode === MODE_EXECUTABLE ? MODE_EXECUTABLE : MODE_FILE;
  if (before?.oid === oid && before.mode === mode) return before;
  edit.changed.push(file.at);
  const replaces = before?.mode.startsWith("100") ? before.oid : undefined;
  return { mode, name: file.name, oid: keep(edit, { type: "blob", oid, bytes: file.bytes, replaces }) };
}

function keep(edit: Edit, object: NewObject): string {
  edit.objects.set(object.oid, object);
  return object.oid;
}

type Change =
  | { readonly type: "file"; readonly bytes: Buffer }
  | { readonly type: "delete" }
  | { readonly type: "folder"; readonly entries: Folder };

type Folder = Map<string, Change>;

function nest(changes: FileChanges): Folder {
  const root: Folder = new Map();
  for (const [path, content] of changes) {
    const parts = pathParts(path);
    const last = parts.pop();
    if (last === undefined) throw collision(path);
    let folder = root;
    for (const part of parts) folder = subfolder(folder, part, path);
    if (folder.has(last)) throw collision(path);
    folder.set(last, content === undefined ? { type: "delete" } : { type: "file", bytes: toBuffer(content) });
  }
  return root;
}

function subfolder(folder: Folder, part: string, path: string): Folder {
  const there = folder.get(part);
  if (there?.type === "folder") return there.entries;
  if (there !== undefined) throw collision(path);
  const entries: Folder = new Map();
  folder.set(part, { type: "folder", entries });
  return entries;
}

function toBuffer(content: string | Uint8Array): Buffer {
  return typeof content === "string" ? Buffer.from(content, "utf8") : Buffer.from(content);
}

function collision(path: string): CodedError {
  const message = `"${path}" can't be written: it is no file's path, or another file's path lies inside it`;
  return new CodedError("InvalidSpec", { fields: ["path"] }, message);
}
