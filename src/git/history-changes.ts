/** What each commit of a history changed below a path, read from commits, trees and blobs alone. */
import { parseCommit } from "./commit-object.ts";
import type { ChangesOptions, CommitChanges, CommitInfo, FileChange, Revision } from "./remote.ts";
import {
  findEntry,
  MODE_EXECUTABLE,
  MODE_FILE,
  MODE_FOLDER,
  nameText,
  parseTree,
  type ReadObject,
  type TreeEntry,
} from "./tree.ts";

const CHANGES_LIMIT = 1_000;
/** Commits that came in by one merge: enough to name who wrote what was merged. */
const MERGED_LIMIT = 20;

/** Thrown through a reading when the clone lacks an object: more history is needed. */
class Lacking extends Error {}

/** The changes along first parents, newest first; undefined when the clone does not reach back far enough. */
export async function readChanges(
  read: ReadObject,
  revision: Revision,
  { path, limit = CHANGES_LIMIT }: ChangesOptions,
): Promise<{ value: readonly CommitChanges[] } | undefined> {
  const reader = strictReader(read);
  try {
    const line = await firstParents(reader, revision);
    const mainline = new Set(line.map((commit) => commit.revision));
    const found: CommitChanges[] = [];
    for (const [index, commit] of line.entries()) {
      if (found.length >= limit) break;
      const files = await changedFiles(reader, line[index + 1]?.tree, commit.tree, path);
      if (files.length > 0) found.push({ commit, merged: await mergedBy(reader, commit, mainline), files });
    }
    return { value: found };
  } catch (error) {
    if (error instanceof Lacking) return undefined;
    throw error;
  }
}

interface Reader {
  commit(revision: Revision): Promise<CommitInfo>;
  tree(oid: string | undefined): Promise<TreeEntry[]>;
  blob(oid: string): Promise<Buffer>;
  entry(root: string, path: string): Promise<TreeEntry | undefined>;
}

function strictReader(read: ReadObject): Reader {
  const bytes = async (oid: string): Promise<Buffer> => {
    const object = await read(oid);
    if (object === undefined) throw new Lacking(oid);
    return object.bytes;
  };
  return {
    commit: async (revision) => parseCommit(revision, await bytes(revision)),
    tree: async (oid) => (oid === undefined ? [] : parseTree(await bytes(oid))),
    blob: bytes,
    entry: (root, path) => findEntry(read, root, path),
  };
}

async function firstParents(reader: Reader, revision: Revision): Promise<readonly CommitInfo[]> {
  const line: CommitInfo[] = [];
  for (let at: Revision | undefined = revision; at !== undefined; ) {
    const commit: CommitInfo = await reader.commit(at);
    line.push(commit);
    at = commit.parents[0];
  }
  return line;
}

/** The commits that a merge brought, newest first: from its other parents back to the line they left. */
async function mergedBy(
  reader: Reader,
  merge: CommitInfo,
  mainline: ReadonlySet<Revision>,
): Promise<readonly CommitInfo[]> {
  const open = merge.parents.slice(1);
  const seen = new Set<Revision>(open);
  const merged: CommitInfo[] = [];
  // The list grows while it is walked.
  for (const revision of open) {
    if (mainline.has(revision)) continue;
    if (merged.length >= MERGED_LIMIT) break;
    const commit = await reader.commit(revision);
    merged.push(commit);
    for (const parent of commit.parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      open.push(parent);
    }
  }
  return merged;
}

async function changedFiles(
  reader: Reader,
  before: string | undefined,
  after: string,
  path: string,
): Promise<readonly FileChange[]> {
  const old = before === undefined ? undefined : await reader.entry(before, path);
  const changes: FileChange[] = [];
  await compareEntries(reader, { old, now: await reader.entry(after, path), at: path }, changes);
  return changes;
}

/** Descends only where two entries differ: a large tree with one change costs one path. */
async function compareEntries(
  reader: Reader,
  { old, now, at }: { readonly old: TreeEntry | undefined; readonly now: TreeEntry | undefined; readonly at: string },
  changes: FileChange[],
): Promise<void> {
  if (old?.oid === now?.oid && old?.mode === now?.mode) return;
  const [before, after] = [await contentOf(reader, old), await contentOf(reader, now)];
  if (before !== undefined || after !== undefined) changes.push({ path: at, before, after });
  const [oldEntries, newEntries] = [await entriesOf(reader, old), await entriesOf(reader, now)];
  const names = new Set([...oldEntries.keys(), ...newEntries.keys()]);
  for (const name of names) {
    const text = nameText(name);
    if (text === undefined) continue;
    const next = { old: oldEntries.get(name), now: newEntries.get(name), at: at === "" ? text : `${at}/${text}` };
    await compareEntries(reader, next, changes);
  }
}

async function contentOf(reader: Reader, entry: TreeEntry | undefined): Promise<Buffer | undefined> {
  const isFile = entry?.mode === MODE_FILE || entry?.mode === MODE_EXECUTABLE;
  return entry !== undefined && isFile ? await reader.blob(entry.oid) : undefined;
}

async function entriesOf(reader: Reader, entry: TreeEntry | undefined): Promise<Map<string, TreeEntry>> {
  const entries = entry?.mode === MODE_FOLDER ? await reader.tree(entry.oid) : [];
  return new Map(entries.map((each) => [each.name, each]));
}
