/** Where two histories part, told from commits alone. */
import { parseCommit } from "./commit-object.ts";
import type { Revision } from "./remote.ts";
import type { ReadObject } from "./tree.ts";

/**
 * The best common ancestors of two revisions: those that no other common ancestor descends from. More than one where
 * branches were merged crosswise, none where the histories are strangers. Undefined when the commits at hand don't reach
 * back far enough to tell.
 */
export async function mergeBases(read: ReadObject, a: Revision, b: Revision): Promise<Revision[] | undefined> {
  const [ofA, ofB] = [await reach(read, [a]), await reach(read, [b])];
  const isCommon = (revision: Revision): boolean => ofA.parents.has(revision) && ofB.parents.has(revision);
  const candidates = new Set([a, b].filter(isCommon));
  for (const side of [ofA, ofB]) {
    for (const [revision, parents] of side.parents) {
      if (isCommon(revision)) continue;
      for (const parent of parents) {
        if (isCommon(parent)) candidates.add(parent);
        // what only one side has goes on beyond what is here: a nearer common ancestor may be there
        else if (!side.parents.has(parent)) return undefined;
      }
    }
  }
  if (candidates.size < 2) return [...candidates];
  return await withoutAncestors(read, [...candidates]);
}

async function withoutAncestors(read: ReadObject, candidates: readonly Revision[]): Promise<Revision[] | undefined> {
  const best: Revision[] = [];
  for (const candidate of candidates) {
    const others = candidates.filter((other) => other !== candidate);
    const reached = await reach(read, others);
    if (!reached.parents.has(candidate)) best.push(candidate);
    if (!reached.parents.has(candidate) && reached.isCut) return undefined;
  }
  return best;
}

interface Reached {
  /** Each commit that is at hand, with its parents. */
  readonly parents: ReadonlyMap<Revision, readonly Revision[]>;
  readonly isCut: boolean;
}

async function reach(read: ReadObject, from: readonly Revision[]): Promise<Reached> {
  const parents = new Map<Revision, readonly Revision[]>();
  const open = [...from];
  let isCut = false;
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (parents.has(oid)) continue;
    const object = await read(oid);
    if (object === undefined) {
      isCut = true;
      continue;
    }
    const commit = parseCommit(oid, object.bytes);
    parents.set(oid, commit.parents);
    open.push(...commit.parents);
  }
  return { parents, isCut };
}
