import type { RestorePlanStatus } from "../api/kinds.generated.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { compactTime } from "../clock.ts";
import type { RestoreInputs } from "../restore/inputs.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { makePlan } from "./restore-engine.ts";
import type { OpenedSource } from "./restore-source.ts";
import type { StepOutcome } from "./result.ts";

/** A restore that waits for its plan's digest, with the plan that was made. */
export type Unapproved = StepOutcome & { readonly planned: Pick<RestorePlanStatus, "planDigest" | "planTotals"> };

/** Decides whether the plan that would run now is the one that was approved. */
export interface Approvals {
  /** Undefined when `approval.planDigest` is the digest of the plan as it is made now. */
  check(attempt: {
    readonly plan: Live<"RestorePlan">;
    readonly source: OpenedSource;
    readonly inputs: RestoreInputs;
  }): Promise<Unapproved | undefined>;
}

/** A plan that is not approved is made anew at most this often. */
const REPLAN_MS = 15 * 60_000;

/** Remembers the last plan of each RestorePlan, so that waiting costs no plan a minute. */
export function createApprovals(deps: ReconcileDeps): Approvals {
  const made = new Map<
    string,
    { readonly generation: number | undefined; readonly at: number; readonly outcome: Unapproved }
  >();

  return {
    check: async ({ plan, source, inputs }) => {
      const key = formatKey(keyOf(plan));
      const known = made.get(key);
      const ageMs = deps.clock.monotonic() - (known?.at ?? 0);
      if (known !== undefined && known.generation === plan.metadata.generation && ageMs < REPLAN_MS) {
        return { ...known.outcome, afterMs: REPLAN_MS - ageMs };
      }
      const { kube, clock, log } = deps;
      const { summary } = await makePlan(
        deps,
        { kube, clock, log },
        {
          plan,
          source,
          request: {
            run: `${plan.metadata.name}-${compactTime(clock.now())}`,
            spec: plan.spec,
            backup: source.reader,
            ...inputs,
          },
        },
      );
      const wanted = plan.spec.approval?.planDigest;
      if (wanted === summary.digest) {
        made.delete(key);
        return undefined;
      }
      const outcome = unapproved(wanted, summary.digest, { planDigest: summary.digest, planTotals: summary.totals });
      made.set(key, { generation: plan.metadata.generation, at: deps.clock.monotonic(), outcome });
      return outcome;
    },
  };
}

function unapproved(wanted: string | undefined, digest: string, planned: Unapproved["planned"]): Unapproved {
  if (wanted === undefined) {
    const message = `waits for approval.planDigest: ${digest}`;
    return { type: "ready", reason: "AwaitingApproval", message, afterMs: REPLAN_MS, planned };
  }
  const message = `the approved plan ${wanted} is stale; the plan is now ${digest}`;
  return { type: "stall", reason: "PlanStale", message, afterMs: REPLAN_MS, planned };
}
