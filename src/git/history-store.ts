/** History beyond the shallow clones: commits without their files, deepened step by step until a question is answered. */
import { mkdir } from "node:fs/promises";
import { CodedError } from "../errors.ts";
import { converse } from "./branch.ts";
import { parseCommit } from "./commit-object.ts";
import { naming } from "./disk-errors.ts";
import { fetchPack } from "./fetch-pack.ts";
import { descends } from "./history.ts";
import { readChanges } from "./history-changes.ts";
import { mergeBases } from "./merge-base.ts";
import { type MergedTree, mergeTrees } from "./merge-trees.ts";
import { createObjectDatabase } from "./object-database.ts";
import type { ChangesOptions, CommitChanges, CommitInfo, LogOptions, Revision } from "./remote.ts";
import { findEntry, pathParts, type ReadObject, readExisting } from "./tree.ts";
import type { Transport } from "./wire.ts";

const FIRST_DEPTH = 64;
const DEPTH_FACTOR = 8;
/** Beyond this the rest is fetched at once. */
const MAX_STEPPED_DEPTH = 64 * 8 ** 4;
const LOG_LIMIT = 1_000;

export interface History {
  /** Merges what stands at a path of two revisions, from where they parted; undefined without one such place. */
  mergeTrees(merge: MergeQuestion, signal: AbortSignal | undefined): Promise<MergedTree | undefined>;
  isDescendant(ancestor: Revision, revision: Revision, signal: AbortSignal | undefined): Promise<boolean>;
  log(revision: Revision, options: LogOptions): Promise<readonly CommitInfo[]>;
  /** Needs a history that leaves nothing out. */
  changes(revision: Revision, options: ChangesOptions): Promise<readonly CommitChanges[]>;
  close(): Promise<void>;
}

/** The history of one remote below `folder`; `filter` says what is left out where the remote can leave it out. */
export function createHistory(transport: Transport, folder: string, filter: string | undefined): History {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = last.then(run, run);
    last = turn.catch(() => {});
    return turn;
  };
  /** Asks `answer` again and again on a deeper history, until it needs no more. */
  const ask = <T>(revisions: readonly Revision[], signal: AbortSignal | undefined, answer: Question<T>): Promise<T> =>
    inTurn(() => deepen({ transport, folder, filter, revisions, signal }, answer));
  return {
    mergeTrees: (merge, signal) =>
      ask([merge.ours, merge.theirs], signal, async (read) => {
        const bases = await mergeBases(read, merge.ours, merge.theirs);
        return bases === undefined ? undefined : { value: await mergedFrom(read, merge, bases) };
      }),
    isDescendant: (ancestor, revision, signal) =>
      ask([revision], signal, async (read) => {
        const found = await descends(read, ancestor, revision);
        return found === "unknown" ? undefined : { value: found === "yes" };
      }),
    log: (revision, options) => ask([revision], options.signal, (read) => readLog(read, revision, options)),
    changes: (revision, options) => ask([revision], options.signal, (read) => readChanges(read, revision, options)),
    close: () => last.then(() => {}),
  };
}

/** Undefined: more history is needed. */
type Question<T> = (read: ReadObject) => Promise<{ readonly value: T } | undefined>;

/** Two revisions, both heads of refs that the remote shows, and a folder of theirs. */
export interface MergeQuestion {
  readonly ours: Revision;
  readonly theirs: Revision;
  readonly path: string;
}

async function mergedFrom(
  read: ReadObject,
  { ours, theirs, path }: MergeQuestion,
  [base, ...more]: readonly Revision[],
): Promise<MergedTree | undefined> {
  if (base === undefined || more.length > 0) return undefined;
  const entryOf = async (revision: Revision) => {
    const { bytes } = await readExisting(read, revision, "commit");
    return await findEntry(read, parseCommit(revision, bytes).tree, path);
  };
  const sides = { base: await entryOf(base), ours: await entryOf(ours), theirs: await entryOf(theirs) };
  return await mergeTrees(read, sides, pathParts(path).join("/"));
}

interface Deepening {
  readonly transport: Transport;
  readonly folder: string;
  readonly filter: string | undefined;
  readonly revisions: readonly Revision[];
  readonly signal: AbortSignal | undefined;
}

async function deepen<T>(deepening: Deepening, answer: Question<T>): Promise<T> {
  const { folder, transport, signal } = deepening;
  await naming(folder, () => mkdir(folder, { recursive: true }));
  // Made for one question: it is asked after a restart or by a person, and a kept one would have to be kept right.
  const objects = await createObjectDatabase(folder);
  try {
    let shallow: ReadonlySet<string> = new Set();
    let have: readonly string[] = [];
    for (let depth = FIRST_DEPTH; ; depth *= DEPTH_FACTOR) {
      const steps = depth > MAX_STEPPED_DEPTH ? EVERYTHING : depth;
      for (const oid of deepening.revisions) {
        const request = { want: { oid }, have, shallow, depth: steps, filter: deepening.filter };
        const fetched = await converse(transport, "history", signal, (wire) => fetchPack(objects, wire, request));
        shallow = fetched.shallow;
        have = [...new Set([...have, oid])];
      }
      const answered = await answer(objects.read);
      if (answered !== undefined) return answered.value;
      if (shallow.size === 0) throw incomplete(deepening.revisions.join(" and "));
    }
  } finally {
    await objects.close();
  }
}

/** What Git itself asks for when it wants a whole history (`fetch --unshallow`). */
const EVERYTHING = 0x7fffffff;

function incomplete(revision: Revision): CodedError {
  const message = `the remote's history of ${revision} has gaps`;
  return new CodedError("GitRevisionMissing", { revision }, message);
}

async function readLog(
  read: ReadObject,
  revision: Revision,
  { path, limit = LOG_LIMIT }: LogOptions,
): Promise<{ value: readonly CommitInfo[] } | undefined> {
  const found: CommitInfo[] = [];
  for (let oid: Revision | undefined = revision; oid !== undefined && found.length < limit; ) {
    const object = await read(oid);
    if (object === undefined) return undefined;
    const commit = parseCommit(oid, object.bytes);
    const touched = path === undefined ? true : await touches(read, commit, path);
    if (touched === undefined) return undefined;
    if (touched) found.push(commit);
    oid = commit.parents[0];
  }
  return { value: found };
}

/** Whether a commit changed something under a path, against its first parent; undefined when that one is missing. */
async function touches(read: ReadObject, commit: CommitInfo, path: string): Promise<boolean | undefined> {
  const after = await findEntry(read, commit.tree, path);
  const [parent] = commit.parents;
  if (parent === undefined) return after !== undefined;
  const object = await read(parent);
  if (object === undefined) return undefined;
  const before = await findEntry(read, parseCommit(parent, object.bytes).tree, path);
  return before?.oid !== after?.oid || before?.mode !== after?.mode;
}
