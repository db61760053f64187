/** What a RestorePlan's status says of one key: which run holds it, and how far that run's preparation came. */
import { setStanding } from "../api/conditions.ts";
import type { ResolvedBackup, RestorePlanStatus, RunClaim } from "../api/kinds.generated.ts";

/** One claim of a key in the status. */
export interface StatusClaim {
  readonly run: RunClaim & { readonly key: string; readonly claimedAt: string };
  readonly backup: ResolvedBackup;
  readonly generation: number | undefined;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/**
 * The status with the claim in it. A plan that was made before the claim, for somebody to approve, is not this run's
 * preparation: only what stands there under the same key is kept.
 */
export function claimedStatus(status: RestorePlanStatus | undefined, claim: StatusClaim): RestorePlanStatus {
  const { run, backup, generation, nowMs } = claim;
  const before = status?.run?.key === run.key ? status : unprepared(statusOfKey(status, run.key));
  const standing = { type: "reconciling", reason: "Progressing", message: `run ${run.id} is restoring` } as const;
  return {
    ...before,
    phase: "InProgress",
    run,
    backup,
    startTimestamp: before.startTimestamp ?? run.claimedAt,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: setStanding(before.conditions, standing, generation, nowMs),
  };
}

/** The status as far as it speaks of this key: what another spec's run left is over. */
export function statusOfKey(status: RestorePlanStatus | undefined, key: string): RestorePlanStatus {
  if (status?.run === undefined || status.run.key === key) return status ?? {};
  const { conditions } = status;
  return conditions === undefined ? {} : { conditions: conditions.filter(({ type }) => type !== "Succeeded") };
}

/**
 * An earlier attempt of this key's run planned it, and made the safety backup where one is to be: what follows is the
 * writing. `planTotals` beside the run of the key stands for that.
 */
export function isPrepared(status: RestorePlanStatus | undefined, key: string, safety: "off" | "location"): boolean {
  const { run, safetyBackup, planTotals } = status ?? {};
  if (run?.key !== key || planTotals === undefined) return false;
  const { patch = 0, labelsOnly = 0, recreate = 0 } = planTotals;
  const touched = patch + labelsOnly + recreate + (planTotals.delete ?? 0);
  return safety === "off" || safetyBackup !== undefined || touched === 0;
}

/** What a plan that waits may write into the status; beside a run only its digest, since totals mean it is prepared. */
export function waitingPlan(
  before: RestorePlanStatus,
  planned: Pick<RestorePlanStatus, "planDigest" | "planTotals"> | undefined,
): Pick<RestorePlanStatus, "planDigest" | "planTotals"> {
  if (planned === undefined || before.run === undefined) return planned ?? {};
  return planned.planDigest === undefined ? {} : { planDigest: planned.planDigest };
}

function unprepared(status: RestorePlanStatus): RestorePlanStatus {
  const { planDigest: _digest, planTotals: _totals, safetyBackup: _copy, pausedOwners: _owners, ...rest } = status;
  return rest;
}
