import { join } from "node:path";
import { setCondition, setStanding } from "../api/conditions.ts";
import type { Condition, RestorePlanStatus } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { formatOwner } from "../gitops/owner.ts";
import { counted } from "../report/plan-lines.ts";
import type { RestoreInputs } from "../restore/inputs.ts";
import { outcomeOf } from "../restore/outcome.ts";
import { createTally } from "../restore/results.ts";
import type { RestoreDeps, RestoreOutcome, RestoreRequest } from "../restore/types.ts";
import { isPrepared } from "./claimed-status-plan.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { demandApproved } from "./restore-approval.ts";
import { engineOf, makePlan, runEngine } from "./restore-engine.ts";
import { claimLedger, type Ledger } from "./restore-ledger.ts";
import { createOwnerLease, demandPausable, type OwnerLease, servedOwners } from "./restore-owners.ts";
import { makeSafetyBackup, type UsablePlace } from "./restore-safety.ts";
import type { OpenedSource } from "./restore-source.ts";
import { openSpool, type RestoreSpool, readSpool, recordsOf } from "./restore-spool.ts";
import { isShutdown } from "./shutdown.ts";
import { createStatusTrail, type StatusTrail } from "./status-trail.ts";
import { writeStatus } from "./write-status.ts";

/** One claimed restore that is to be run, or gone on with. */
export interface RestoreExecution {
  /** With the claim of this run in its status. */
  readonly plan: Live<"RestorePlan">;
  readonly run: string;
  readonly claimedAt: string;
  readonly source: OpenedSource;
  readonly ledger: Ledger;
  readonly safety: UsablePlace;
  readonly inputs: RestoreInputs;
  readonly signal: AbortSignal;
}

/** Progress is told at most this often. */
const PROGRESS_EVERY_MS = 1000;
/** So many objects of a run are restored before a test may kill it in the middle. */
const MIDWAY_OBJECTS = 3;

/** Where the files of one run are kept until they are in Git. */
export function spoolFolder(deps: Pick<ReconcileDeps, "spoolDir">, run: string): string {
  return join(deps.spoolDir, "restores", run);
}

/**
 * Claims the key in bucket and Git, makes the safety backup, restores, and writes how it ended into the status. Going
 * on after a crash is the same: every step looks first whether it was done. What it throws leaves the run unfinished.
 */
export async function executeRestore(deps: ReconcileDeps, execution: RestoreExecution): Promise<void> {
  const { plan, run, source, ledger, signal } = execution;
  const log = deps.log.child({ restore: formatKey(keyOf(plan)), run });
  log.info({ backup: source.resolved.name }, "restore begins");
  const claim = { run, plan: keyOf(plan), claimedAt: execution.claimedAt, backup: source.resolved };
  await claimLedger(deps, ledger, claim, plan.spec);
  const spool = await openSpool(spoolFolder(deps, run));
  const status = createStatusTrail(deps, RESTORE_PLAN, plan);
  const engine = engineOf(deps, execution);
  const lease = createOwnerLease(deps, execution);
  let outcome: RestoreOutcome;
  try {
    const safetyBackup = await prepared(deps, execution, { engine, spool, status, lease });
    outcome = await restoreObjects(deps, execution, { engine, spool, status, safetyBackup });
  } catch (error) {
    // what goes on elsewhere stays paused; what is tried again here pauses again
    if (!isShutdown(signal)) await lease.end();
    throw error;
  }
  if (outcome.cancelled && isShutdown(signal)) return; // not over: the next process goes on with this run
  await lease.end();
  await status.write((before) => endedStatus(deps, plan, before, outcome));
  deps.hit("restore-status-written");
  log.info({ phase: outcome.phase, ...outcome.counts, errors: outcome.errors }, "restore ends");
}

/** What the steps of one attempt share. */
interface Attempt {
  readonly engine: RestoreDeps;
  readonly spool: RestoreSpool;
  readonly status: StatusTrail<"RestorePlan">;
}

async function restoreObjects(
  deps: ReconcileDeps,
  execution: RestoreExecution,
  { engine, spool, status, safetyBackup }: Attempt & { readonly safetyBackup: string | undefined },
): Promise<RestoreOutcome> {
  const restored = { count: 0, toldAt: 0 };
  const outcome = await runEngine(
    deps,
    engine,
    { ...execution, request: requestOf(execution), safetyBackup },
    {
      recorded: spool.recorded,
      hookJournal: spool.hooks,
      onRecord: async (record) => {
        await spool.append(record);
        restored.count++;
        if (restored.count < MIDWAY_OBJECTS) return;
        if (restored.count === MIDWAY_OBJECTS) await spool.flush();
        deps.hit("restore-midway");
      },
      onProgress: ({ totalItems, itemsRestored }) => {
        const nowMs = deps.clock.monotonic();
        if (nowMs - restored.toldAt < PROGRESS_EVERY_MS) return;
        restored.toldAt = nowMs;
        status.hint((before) => ({ ...before, progress: { totalItems, itemsRestored } }));
      },
    },
  );
  await spool.flush();
  deps.hit("restore-objects-written");
  return outcome;
}

function requestOf({ plan, run, source, inputs, signal }: RestoreExecution): RestoreRequest {
  return { run, spec: plan.spec, backup: source.reader, mayResume: true, signal, ...inputs };
}

/** The safety backup of the run, with everything that comes before the first write done: by now, or by an earlier attempt. */
async function prepared(
  deps: ReconcileDeps,
  execution: RestoreExecution,
  attempt: Attempt & { readonly lease: OwnerLease },
): Promise<string | undefined> {
  const { plan, ledger, safety } = execution;
  if (isPrepared(plan.status, ledger.key, safety.type)) {
    await attempt.lease.hold(await servedOwners(deps, plan.status?.pausedOwners ?? []));
    return plan.status?.safetyBackup;
  }
  const told = await prepare(deps, execution, attempt);
  await attempt.status.write((before) => ({ ...before, ...told }));
  deps.hit("restore-prepared");
  return told.safetyBackup;
}

async function prepare(
  deps: ReconcileDeps,
  execution: RestoreExecution,
  { engine, spool, status, lease }: Attempt & { readonly lease: OwnerLease },
): Promise<Partial<RestorePlanStatus>> {
  const { plan, run, safety, signal } = execution;
  const planned = await makePlan(deps, engine, { plan, source: execution.source, request: requestOf(execution) });
  demandApproved(plan.spec, planned.summary.digest);
  demandPausable(planned.pausing);
  const { pauses } = planned.pausing;
  const pausedOwners = pauses.map(formatOwner);
  if (pausedOwners.length > 0) await status.write((before) => ({ ...before, pausedOwners }));
  await lease.hold(pauses);
  await spool.writePlan(planned.markdown);
  const { digest, totals } = planned.summary;
  const told = { ...(digest === "" ? {} : { planDigest: digest }), planTotals: totals };
  if (safety.type !== "location" || planned.touched.length === 0) return told;
  const { location } = safety;
  const safetyBackup = await makeSafetyBackup(deps, { plan, run, location, objects: planned.touched, signal });
  deps.hit("restore-safety-made");
  return { ...told, safetyBackup };
}

/** Ends a run that was cancelled while nothing of it was at work. What earlier attempts wrote stays, and is told. */
export async function endCancelled(deps: ReconcileDeps, plan: Live<"RestorePlan">): Promise<Live<"RestorePlan">> {
  const { objects = "" } = await readSpool(spoolFolder(deps, plan.status?.run?.id ?? ""));
  const tally = createTally();
  for (const record of recordsOf(objects)) tally.add(record, {});
  const outcome = outcomeOf(deps.clock, deps.clock.now(), tally, { cancelled: true });
  const ended = await writeStatus(deps.kube, RESTORE_PLAN, plan, endedStatus(deps, plan, plan.status ?? {}, outcome));
  deps.live.put(ended);
  deps.log.info({ restore: formatKey(keyOf(plan)), run: plan.status?.run?.id }, "restore is cancelled");
  return ended;
}

function endedStatus(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  before: RestorePlanStatus,
  outcome: RestoreOutcome,
): RestorePlanStatus {
  const { failureReason, validationErrors, hookStatus } = outcome;
  const generation = plan.metadata.generation;
  return {
    ...before,
    phase: outcome.phase,
    outcome: { ...outcome.counts },
    progress: { totalItems: outcome.totalItems, itemsRestored: outcome.itemsRestored },
    errors: outcome.errors,
    warnings: outcome.warnings,
    completionTimestamp: outcome.completionTimestamp,
    ...(failureReason === undefined ? {} : { failureReason }),
    ...(validationErrors === undefined ? {} : { validationErrors }),
    ...(hookStatus === undefined ? {} : { hookStatus }),
    conditions: endConditions(before.conditions, outcome, generation, deps.clock.now()),
  };
}

/** An end is settled, a bad one too, and Succeeded says how it went: a failed run of last year holds no rollout up. */
function endConditions(
  conditions: readonly Condition[] | undefined,
  outcome: RestoreOutcome,
  generation: number | undefined,
  nowMs: number,
): readonly Condition[] {
  const { created, patched, labelled, recreated, deleted } = outcome.counts;
  const wrote = created + patched + labelled + recreated + deleted;
  const reason = outcome.cancelled ? "Cancelled" : outcome.phase;
  const message =
    outcome.failureReason ??
    outcome.validationErrors?.join("; ") ??
    `${wrote} of ${outcome.totalItems} objects written, ${counted(outcome.errors, "error")}, ${counted(outcome.warnings, "warning")}`;
  const settled = setStanding(conditions, { type: "ready", reason, message }, generation, nowMs);
  const succeeded = { type: "Succeeded", status: outcome.phase === "Completed", reason, message } as const;
  return setCondition(settled, { ...succeeded, observedGeneration: generation }, nowMs);
}
