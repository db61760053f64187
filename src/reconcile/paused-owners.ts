import { formatKey, keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import { listOwners } from "../gitops/list-owners.ts";
import { formatOwner } from "../gitops/owner.ts";
import { pauseRecordOf } from "../gitops/pause-change.ts";
import { resumeOwner } from "../gitops/pause-owners.ts";
import { judgePause, type PausingRun } from "../gitops/stale-pause-plan.ts";
import type { ReconcileDeps } from "./deps.ts";

/** Ends the pauses that nobody else will: of a run that a crash, a lost lease or a deleted RestorePlan cut off. */
export interface PausedOwners {
  /** Something is, or may stay, paused: the sweep looks until it is not. */
  expect(): void;
  /** Looks at every owner, if anything may be paused, and resumes what no living run holds. Never throws. */
  sweep(): Promise<void>;
}

/** Whatever ran here before may have left something paused, so the first sweep looks. */
export function createPausedOwners(
  deps: Pick<ReconcileDeps, "kube" | "clock" | "log" | "live" | "runs" | "installation">,
): PausedOwners {
  let isExpected = true;

  function runOf(run: string): PausingRun {
    const plan = deps.live.list("RestorePlan").find(({ status }) => status?.run?.id === run);
    const isActive = plan !== undefined && deps.runs.isActive(`RestorePlan ${formatKey(keyOf(plan))}`);
    return { phase: plan?.status?.phase, isActive };
  }

  async function resumeStale(): Promise<boolean> {
    const { owners } = await listOwners(deps.kube);
    let left = false;
    for (const owner of owners) {
      const record = pauseRecordOf(owner.object);
      if (record === undefined || record.cluster !== deps.installation.cluster) continue;
      const verdict = judgePause(record, runOf(record.run), deps.clock.now());
      if (verdict.type === "held") {
        left = true;
        continue;
      }
      await resumeOwner(deps, owner, record.run);
      deps.log.warn(
        { owner: formatOwner(owner), plan: record.plan, why: verdict.why },
        "an owner was left paused and goes on",
      );
    }
    return left;
  }

  return {
    expect: () => {
      isExpected = true;
    },
    sweep: async () => {
      if (!isExpected) return;
      isExpected = false;
      try {
        if (await resumeStale()) isExpected = true;
      } catch (error) {
        isExpected = true;
        deps.log.warn({ error: messageOf(error) }, "paused owners can't be looked at now");
      }
    },
  };
}
