import { restoreDefaults } from "../api/defaults.ts";
import type { RestorePlanSpec, RestorePlanStatus } from "../api/kinds.generated.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { CodedError } from "../errors.ts";
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
    /** The run it would be, or that goes on: what it wrote already is no news. */
    readonly run: string;
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
    check: async ({ plan, source, inputs, run }) => {
      const key = formatKey(keyOf(plan));
      const known = made.get(key);
      const ageMs = deps.clock.monotonic() - (known?.at ?? 0);
      if (known !== undefined && known.generation === plan.metadata.generation && ageMs < REPLAN_MS) {
        return { ...known.outcome, afterMs: REPLAN_MS - ageMs };
      }
      const { kube, clock, log } = deps;
      const { summary } = await makePlan(
        deps,
        { kube, clock, log, store: source.store },
        { plan, source, request: { run, spec: plan.spec, backup: source.reader, mayResume: true, ...inputs } },
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
  return { type: "stall", reason: "PlanStale", message: staleMessage(wanted, digest), afterMs: REPLAN_MS, planned };
}

/**
 * The last look before the first write: the cluster may have moved since the approval was checked, and a run that was
 * interrupted plans anew. @throws {PlanStale}
 */
export function demandApproved(spec: RestorePlanSpec, digest: string): void {
  const approved = spec.approval?.planDigest ?? "(none)";
  if (restoreDefaults(spec).approval.mode !== "PlanDigest" || approved === digest) return;
  throw new CodedError("PlanStale", { approved, actual: digest }, staleMessage(approved, digest));
}

function staleMessage(wanted: string, digest: string): string {
  return `the approved plan ${wanted} is stale; the plan is now ${digest}`;
}
