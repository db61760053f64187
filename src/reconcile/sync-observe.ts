import { keyOf } from "../api/object.ts";
import { compare } from "../api/patch.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { SyncFailure, SyncReport } from "./sync-apply.ts";
import { type DesiredDocument, idOf, specDigest } from "./sync-plan.ts";

/**
 * Compares what a source declares with what somebody else (Argo CD, Flux) applied. Writes nothing: an object that is
 * not there yet is waited for, and a field that Git has and the live object lost is said so.
 */
export function observeDocuments(deps: ReconcileDeps, documents: readonly DesiredDocument[]): SyncReport {
  const failures: SyncFailure[] = [];
  for (const { object, file, line } of documents) {
    const live = deps.live.get(object.kind as "Backup", keyOf(object));
    const where = `${file}:${line}: ${idOf(object)}`;
    if (live === undefined) {
      failures.push({ type: "fail", reason: "Progressing", message: `${where} is not in the cluster yet` });
      continue;
    }
    if (specDigest(live) === specDigest(object)) continue;
    const lost = compare(object.spec ?? {}, live.spec ?? {}).filter(({ op }) => op === "remove");
    if (lost.length > 0) {
      const fields = lost.map(({ path }) => path).join(", ");
      failures.push({ type: "stall", reason: "FieldsPruned", message: `${where} lost fields that Git has: ${fields}` });
    } else {
      failures.push({
        type: "fail",
        reason: "Progressing",
        message: `${where} is not in the cluster as Git has it yet`,
      });
    }
  }
  return { created: 0, patched: 0, prunedAt: [], failures, held: undefined };
}
