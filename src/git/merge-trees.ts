/** What a merge of two trees would give, file by file; no text is merged, and no blob is read. */
import { MODE_FOLDER, nameText, type ReadObject, readTreeEntries, type TreeEntry } from "./tree.ts";

/** A file of the merged tree; what differs from the first side stands in the second. */
export interface MergedEntry {
  readonly path: string;
  readonly mode: string;
  readonly oid: string;
}

export interface MergedTree {
  readonly entries: readonly MergedEntry[];
  /** Paths that the merge changes on the first side; deleted ones too. Sorted. */
  readonly changed: readonly string[];
  /** Paths that both sides changed, each its own way. Sorted. */
  readonly conflicts: readonly string[];
}

/** Entries of the three trees at one path; undefined where there is none. */
interface Sides {
  readonly base: TreeEntry | undefined;
  readonly ours: TreeEntry | undefined;
  readonly theirs: TreeEntry | undefined;
}

/**
 * Merges what stands at one path: `ours` is the branch, `theirs` the pull request, `base` where they parted. A file that
 * both changed is a conflict and stays as ours.
 */
export async function mergeTrees(read: ReadObject, sides: Sides, path: string): Promise<MergedTree> {
  const merge: Merge = { read, entries: [], changed: [], conflicts: [] };
  await mergeAt(merge, sides, path);
  return {
    entries: merge.entries.sort((a, b) => (a.path < b.path ? -1 : 1)),
    changed: merge.changed.sort(),
    conflicts: merge.conflicts.sort(),
  };
}

interface Merge {
  readonly read: ReadObject;
  readonly entries: MergedEntry[];
  readonly changed: string[];
  readonly conflicts: string[];
}

async function mergeAt(merge: Merge, { base, ours, theirs }: Sides, path: string): Promise<void> {
  if (isSame(ours, theirs) || isSame(base, theirs)) return await keep(merge, ours, path);
  const isFolders = [base, ours, theirs].some((side) => side?.mode === MODE_FOLDER);
  if (isFolders) return await mergeFolders(merge, { base, ours, theirs }, path);
  if (!isSame(base, ours)) {
    merge.conflicts.push(path);
    return await keep(merge, ours, path);
  }
  merge.changed.push(path);
  await keep(merge, theirs, path);
}

/** A file where another side has a folder counts as absent inside, and is merged by itself. */
async function mergeFolders(merge: Merge, sides: Sides, path: string): Promise<void> {
  const files = onlyFiles(sides);
  if (Object.values(files).some((side) => side !== undefined)) await mergeAt(merge, files, path);
  const [base, ours, theirs] = await Promise.all(
    [sides.base, sides.ours, sides.theirs].map((side) => childrenOf(merge.read, side)),
  );
  const names = new Set([...(base?.keys() ?? []), ...(ours?.keys() ?? []), ...(theirs?.keys() ?? [])]);
  for (const name of names) {
    const children = { base: base?.get(name), ours: ours?.get(name), theirs: theirs?.get(name) };
    await mergeAt(merge, children, join(path, name));
  }
}

function onlyFiles({ base, ours, theirs }: Sides): Sides {
  const file = (side: TreeEntry | undefined) => (side?.mode === MODE_FOLDER ? undefined : side);
  return { base: file(base), ours: file(ours), theirs: file(theirs) };
}

async function keep(merge: Merge, entry: TreeEntry | undefined, path: string): Promise<void> {
  if (entry === undefined) return;
  if (entry.mode !== MODE_FOLDER) {
    merge.entries.push({ path, mode: entry.mode, oid: entry.oid });
    return;
  }
  for (const [name, child] of await childrenOf(merge.read, entry)) await keep(merge, child, join(path, name));
}

async function childrenOf(read: ReadObject, entry: TreeEntry | undefined): Promise<Map<string, TreeEntry>> {
  if (entry?.mode !== MODE_FOLDER) return new Map();
  return new Map((await readTreeEntries(read, entry.oid)).map((child) => [child.name, child]));
}

function join(path: string, name: string): string {
  const text = nameText(name) ?? name;
  return path === "" ? text : `${path}/${text}`;
}

function isSame(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode;
}
