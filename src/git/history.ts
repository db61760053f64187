/** Questions about ancestors, answered from commits alone. */
import { parseCommit } from "./commit-object.ts";
import type { Revision } from "./remote.ts";
import type { ReadObject } from "./tree.ts";

/** `unknown`: the clone does not reach back far enough to tell. */
export type Descent = "yes" | "no" | "unknown";

/** Whether `revision` has `ancestor` in its history, as far as the objects at hand tell. */
export async function descends(read: ReadObject, ancestor: Revision, revision: Revision): Promise<Descent> {
  const seen = new Set<Revision>([revision]);
  const open = [revision];
  let isCut = false;
  // The list grows while it is walked: nearer commits come first.
  for (const oid of open) {
    if (oid === ancestor) return "yes";
    const commit = await read(oid);
    if (commit === undefined) {
      isCut = true;
      continue;
    }
    for (const parent of parseCommit(oid, commit.bytes).parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      open.push(parent);
    }
  }
  return isCut ? "unknown" : "no";
}
