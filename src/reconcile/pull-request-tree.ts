import { isReadable } from "../api/parse.ts";
import { type ValidatedTree, validateTree } from "../api/validate.ts";
import { isCoded } from "../errors.ts";
import type { PullRequest } from "../forge/forge.ts";
import type { GitRemote, RefusedEntry, Revision, TreeFile } from "../git/remote.ts";
import { refusalProblem } from "./refusal-problem.ts";

/** Where to look. */
export interface PullRequestPlace {
  readonly remote: GitRemote;
  readonly branch: string;
  /** "" for the root. */
  readonly folder: string;
  readonly base: Revision;
  /** Namespace of documents that name none. */
  readonly defaultNamespace: string;
}

/** The documents as they are, and as they would be after the merge. */
export interface PullRequestTree {
  readonly head: Revision;
  readonly before: ValidatedTree;
  readonly after: ValidatedTree;
  /** Paths of YAML and JSON that the merge changes. */
  readonly changed: readonly string[];
  readonly conflicts: readonly string[];
  /** Why there is no test merge. */
  readonly unmergeable: string | undefined;
}

interface Merged {
  readonly files: readonly TreeFile[];
  readonly changed: readonly string[];
  readonly conflicts: readonly string[];
}

const STRANGERS = "the branch and its base have no single place where they parted: merge the base into the branch";

/** Fetches the head of a pull request and merges it, on paper, into the base: by file, else as the forge merged it. */
export async function readPullRequest(place: PullRequestPlace, pull: PullRequest): Promise<PullRequestTree> {
  const { remote, branch, folder, base } = place;
  const head = await remote.fetchBeside(branch, pull.headRef);
  const refused: RefusedEntry[] = [];
  const reading = { wanted: isReadable, onRefused: (entry: RefusedEntry) => void refused.push(entry) };
  const beforeFiles = await readFolder(place, base);
  const own = await remote.testMerge({ ours: base, theirs: head, path: folder }, reading);
  const isClean = own !== undefined && own.conflicts.length === 0;
  const merged = isClean ? own : ((await forgesMerge(place, pull, { head, beforeFiles })) ?? own);
  const options = { defaultNamespace: place.defaultNamespace };
  const before = validateTree(beforeFiles, options);
  if (merged === undefined) return { head, before, after: before, changed: [], conflicts: [], unmergeable: STRANGERS };
  const checked = validateTree(merged.files, options);
  const after = { ...checked, problems: [...refused.map(refusalProblem), ...checked.problems] };
  const readable = (paths: readonly string[]) => paths.filter(isReadable);
  return {
    head,
    before,
    after,
    changed: readable(merged.changed),
    conflicts: readable(merged.conflicts),
    unmergeable: undefined,
  };
}

/** An absent folder is empty here: the pull request may be the one that makes it. */
async function readFolder({ remote, folder }: PullRequestPlace, revision: Revision): Promise<readonly TreeFile[]> {
  try {
    return await remote.readTree(revision, folder, { wanted: isReadable, onRefused: () => undefined });
  } catch (error) {
    if (isCoded(error, "GitPathMissing")) return [];
    throw error;
  }
}

/** The forge merges text inside files too. It may lag: its merge counts only if it is of these two heads. */
async function forgesMerge(
  place: PullRequestPlace,
  { mergeRef }: PullRequest,
  at: { readonly head: Revision; readonly beforeFiles: readonly TreeFile[] },
): Promise<Merged | undefined> {
  if (mergeRef === undefined) return undefined;
  try {
    const revision = await place.remote.fetchBeside(place.branch, mergeRef);
    const { parents } = await place.remote.commitInfo(revision);
    if (parents.length !== 2 || parents[0] !== place.base || parents[1] !== at.head) return undefined;
    const files = await readFolder(place, revision);
    return { files, changed: changedPaths(at.beforeFiles, files), conflicts: [] };
  } catch (error) {
    if (isCoded(error, "GitBranchMissing")) return undefined;
    throw error;
  }
}

function changedPaths(before: readonly TreeFile[], after: readonly TreeFile[]): string[] {
  const old = new Map(before.map(({ path, bytes }) => [path, bytes]));
  const next = new Map(after.map(({ path, bytes }) => [path, bytes]));
  const paths = new Set([...old.keys(), ...next.keys()]);
  return [...paths].filter((path) => {
    const [a, b] = [old.get(path), next.get(path)];
    return a === undefined || b === undefined || !a.equals(b);
  });
}
