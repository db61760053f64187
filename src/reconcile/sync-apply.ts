import type { ConditionReason } from "../api/conditions.ts";
import { kindByName } from "../api/kinds.ts";
import { type KubeObject, keyOf } from "../api/object.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { ReconcileDeps } from "./deps.ts";
import { type HeldDeletions, idOf, type SyncAction, type SyncPlan } from "./sync-plan.ts";
import { FIELD_MANAGER } from "./write-status.ts";

/** One document that could not be brought into the cluster. */
export interface SyncFailure {
  /** `stall`: only a new commit helps. */
  readonly type: "fail" | "stall";
  readonly reason: ConditionReason;
  /** With file and line in front. */
  readonly message: string;
}

export interface SyncReport {
  readonly created: number;
  readonly patched: number;
  /** ms since the epoch, one per pruned object. */
  readonly prunedAt: readonly number[];
  readonly failures: readonly SyncFailure[];
  readonly held: HeldDeletions | undefined;
}

/** What others refer to goes first, and is pruned last. */
const ORDER = ["BackupStorageLocation", "BackupPolicy", "Backup", "RestorePlan"];

/** Carries out a plan, object by object: one that fails stops no other. A lost race is left to the next look. */
export async function applySync(deps: ReconcileDeps, plan: SyncPlan, source: string): Promise<SyncReport> {
  const counts = { created: 0, patched: 0 };
  const prunedAt: number[] = [];
  const failures: SyncFailure[] = [];
  for (const action of inOrder(plan.actions)) {
    try {
      const done = await applyOne(deps, action);
      if (done === "created" || done === "patched") counts[done]++;
      if (done === "pruned") prunedAt.push(deps.clock.now());
      if (done === "refused") failures.push(refusalOf(action));
      else deps.log.info({ source, object: idOf(objectOf(action)), outcome: done }, "object of a source is applied");
    } catch (error) {
      failures.push(failureOf(action, error));
    }
  }
  return { ...counts, prunedAt, failures, held: plan.held };
}

async function applyOne(
  deps: ReconcileDeps,
  action: SyncAction,
): Promise<"created" | "patched" | "pruned" | "refused"> {
  const options = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;
  const kind = kindByName(objectOf(action).kind);
  if (kind === undefined)
    throw new CodedError("Internal", { detail: objectOf(action).kind }, "a document of no kind of ours");
  switch (action.type) {
    case "create":
      deps.live.put(await deps.kube.create(kind, withoutStatus(action.object), options));
      return "created";
    case "patch":
      deps.live.put(await deps.kube.patch(kind, keyOf(action.live), action.patch, options));
      return "patched";
    case "prune": {
      const { uid, resourceVersion } = action.live.metadata;
      await deps.kube.delete(kind, keyOf(action.live), {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      });
      deps.live.remove(action.live);
      return "pruned";
    }
    case "conflict":
    case "taken":
      return "refused";
  }
}

function objectOf(action: SyncAction): KubeObject {
  return action.type === "prune" ? action.live : action.document.object;
}

function withoutStatus({ status: _status, ...object }: KubeObject): KubeObject {
  return object as KubeObject;
}

function inOrder(actions: readonly SyncAction[]): SyncAction[] {
  const rank = (action: SyncAction): number => {
    const place = ORDER.indexOf(objectOf(action).kind);
    return action.type === "prune" ? 2 * ORDER.length - place : place;
  };
  return [...actions].sort((a, b) => rank(a) - rank(b));
}

function refusalOf(action: SyncAction): SyncFailure {
  const named = `${placeOf(action)}${idOf(objectOf(action))}`;
  if (action.type === "taken") {
    const message = `${named} is a backup of cluster ${action.cluster} already: choose another name`;
    return { type: "stall", reason: "BackupNameTaken", message };
  }
  const owner = action.type === "conflict" ? action.owner : "";
  return { type: "stall", reason: "Conflict", message: `${named} is declared by source ${owner} too, which keeps it` };
}

function failureOf(action: SyncAction, error: unknown): SyncFailure {
  const isRefused = isCoded(error, "KubeRejected");
  const reason = error instanceof CodedError ? error.code : "Internal";
  return { type: isRefused ? "stall" : "fail", reason, message: `${placeOf(action)}${messageOf(error)}` };
}

function placeOf(action: SyncAction): string {
  if (action.type === "prune") return "";
  const { file, line } = action.document;
  return `${file}:${line}: `;
}
