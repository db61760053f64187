import { randomUUID } from "node:crypto";
import { CANCEL_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { restoreDefaults } from "../api/defaults.ts";
import type { ResolvedBackup, RestorePlanStatus } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { formatKey, keyOf, type ObjectKey } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { loadRestoreInputs, type RestoreInputs } from "../restore/inputs.ts";
import { restoreSpecProblems } from "../restore/validate-spec.ts";
import { claimedStatus, isPrepared, statusOfKey, waitingPlan } from "./claimed-status-plan.ts";
import type { ReconcileDeps } from "./deps.ts";
import { type LedgerVerdict, restoreKey } from "./ledger-plan.ts";
import type { Live } from "./live-objects.ts";
import { backoffMs, DEFAULT_BACKOFF } from "./queue.ts";
import { createApprovals } from "./restore-approval.ts";
import { createRestoreEnd, writeAlreadyRun } from "./restore-end.ts";
import { ledgerOf, readLedger } from "./restore-ledger.ts";
import { endCancelled, executeRestore } from "./restore-run.ts";
import { safetyPlace } from "./restore-safety.ts";
import { type OpenedSource, openSource } from "./restore-source.ts";
import { DONE, isLostRace, type Result, requeue, type StepOutcome } from "./result.ts";
import { createRunNames, type RunNames } from "./run-names.ts";
import { isShutdown } from "./shutdown.ts";
import { outcomeOf, summarize } from "./summarize.ts";
import { writeStatus } from "./write-status.ts";

const RETRY_MS = 30_000;

/** The key of a restore's run among the runs of this process. */
export function restoreRunKey(key: ObjectKey): string {
  return `RestorePlan ${formatKey(key)}`;
}

/** `started`: the run goes on by itself. `settled`: the status says all. Else: what to say and when to look again. */
type Advance = { readonly type: "started" } | { readonly type: "settled" } | StepOutcome;

/** What the next step is made from. */
interface Attempt {
  readonly plan: Live<"RestorePlan">;
  /** SHA-256 of the restore's key. */
  readonly key: string;
  readonly inputs: RestoreInputs;
}

/**
 * Builds the reconciler of RestorePlans. A restore runs once per key: the CR's status, the bucket and the status branch
 * are asked before, and claimed in that order before the first write to the cluster. An unfinished run of this cluster
 * is gone on with as the same run.
 */
export function createRestorePlanReconciler(deps: ReconcileDeps): (key: ObjectKey) => Promise<Result> {
  const approvals = createApprovals(deps);
  const end = createRestoreEnd(deps);
  const names = createRunNames(() => deps.live.list("RestorePlan"));
  /** Runs that ended in an error: when they may be tried again, by key of the object. */
  const failed = new Map<string, { readonly count: number; readonly retryAt: number }>();

  async function reconcile(name: ObjectKey): Promise<Result> {
    const plan = deps.live.get("RestorePlan", name);
    if (plan === undefined || plan.metadata.deletionTimestamp !== undefined) return DONE;
    if (deps.runs.isActive(restoreRunKey(name))) {
      if (isCancelled(plan)) deps.runs.cancel(restoreRunKey(name));
      return DONE;
    }
    const key = restoreKey(deps.installation.cluster, name.namespace, plan.spec);
    const over = plan.status?.run?.key === key ? await overOf(plan) : undefined;
    if (over !== undefined) return await end.settle(over);
    const waitMs = (failed.get(formatKey(name))?.retryAt ?? 0) - deps.clock.monotonic();
    if (waitMs > 0) return requeue(waitMs);
    const advance = await tried(plan, key);
    if (advance.type === "started" || advance.type === "settled") return DONE;
    return await writeStanding(deps, plan, key, advance);
  }

  /** The plan with its end in the status, where its run has one by now. */
  async function overOf(plan: Live<"RestorePlan">): Promise<Live<"RestorePlan"> | undefined> {
    if (isEnded(plan.status?.phase)) return plan;
    return isCancelled(plan) ? await endCancelled(deps, plan) : undefined;
  }

  async function tried(plan: Live<"RestorePlan">, key: string): Promise<Advance> {
    try {
      const own = deps.installation.namespace;
      const loaded = await loadRestoreInputs(deps.kube, plan.spec, plan.metadata.namespace ?? "", own);
      const { resourcePriorities } = deps;
      const inputs = resourcePriorities === undefined ? loaded : { ...loaded, resourcePriorities };
      return await step({ plan, key, inputs });
    } catch (error) {
      if (isLostRace(error)) throw error;
      return outcomeOfFailure(error);
    }
  }

  async function step(attempt: Attempt): Promise<Advance> {
    const { plan, key } = attempt;
    const problems = restoreSpecProblems(plan.spec, attempt.inputs);
    if (problems.length > 0) return { type: "stall", reason: "FailedValidation", message: problems.join("; ") };
    if (deps.requireGit && !deps.sources.isDeclared(plan)) {
      return {
        type: "stall",
        reason: "NotFromGit",
        message: "no GitSource declares this restore, and --require-git is set",
        afterMs: RETRY_MS,
      };
    }
    const early = await readLedger(deps, ledgerOf(key, undefined), plan.spec);
    const decided = await decide(plan, key, early);
    if (decided !== undefined) return decided;
    const source = await openSource(deps, plan, pinnedBackup(plan, key, early));
    if ("reason" in source) return { type: "wait", reason: source.reason, message: source.message, afterMs: RETRY_MS };
    let isHandedOver = false;
    try {
      const advance = await begin(attempt, source);
      isHandedOver = advance.type === "started";
      return advance;
    } finally {
      if (!isHandedOver) await source.reader.close();
    }
  }

  async function decide(plan: Live<"RestorePlan">, key: string, verdict: LedgerVerdict): Promise<Advance | undefined> {
    switch (verdict.type) {
      case "free":
        return undefined;
      case "finished":
        await writeAlreadyRun(deps, plan, key, verdict);
        return { type: "settled" };
      case "otherCluster":
        return {
          type: "stall",
          reason: "ClaimedByOtherCluster",
          message: `run ${verdict.run} of this restore was begun by another cluster named ${deps.installation.cluster} (kube-system UID ${verdict.clusterUid}); a new runId runs it here`,
        };
      case "begun": {
        const other = deps.live.get("RestorePlan", { namespace: plan.metadata.namespace ?? "", name: verdict.by });
        if (verdict.by === plan.metadata.name || other?.status?.phase !== "InProgress") return undefined;
        return {
          type: "wait",
          reason: "Progressing",
          message: `RestorePlan ${verdict.by} runs this restore`,
          afterMs: RETRY_MS,
        };
      }
    }
  }

  async function begin(attempt: Attempt, source: OpenedSource): Promise<Advance> {
    const { plan, key } = attempt;
    const ledger = ledgerOf(key, source);
    const verdict = await readLedger(deps, ledger, plan.spec);
    const decided = await decide(plan, key, verdict);
    if (decided !== undefined) return decided;
    const safety = safetyPlace(deps, plan);
    if (safety.type === "missing")
      return { type: "stall", reason: "NoDefaultLocation", message: safety.message, afterMs: RETRY_MS };
    const run = runOf(plan, key, verdict, { names, nowMs: deps.clock.now() });
    const isWriting = isPrepared(plan.status, key, safety.type);
    if (!isWriting && restoreDefaults(plan.spec).approval.mode === "PlanDigest") {
      const approval = await approvals.check({ plan, source, inputs: attempt.inputs, ...run });
      if (approval !== undefined) return approval;
    }
    const name = keyOf(plan);
    const started = deps.runs.start(restoreRunKey(name), async (signal) => {
      try {
        deps.hit("restore-unclaimed");
        const claimed = await claimInStatus(deps, plan, { ...run, key, backup: source.resolved });
        deps.hit("restore-cr-claimed");
        const { inputs } = attempt;
        await executeRestore(deps, { plan: claimed, ...run, source, ledger, safety, inputs, signal });
        failed.delete(formatKey(name));
      } catch (error) {
        // a person's cancel is no failure: the next look, when this one has let go, ends the run
        if (!signal.aborted || isShutdown(signal)) await noteFailure(name, key, error);
      } finally {
        await source.reader.close();
      }
    });
    return started
      ? { type: "started" }
      : { type: "wait", reason: "Queued", message: "waits for a free slot", afterMs: RETRY_MS };
  }

  async function noteFailure(name: ObjectKey, key: string, error: unknown): Promise<void> {
    const count = (failed.get(formatKey(name))?.count ?? 0) + 1;
    const retryMs = backoffMs(count, { ...DEFAULT_BACKOFF, firstMs: 1000 }, 1);
    failed.set(formatKey(name), { count, retryAt: deps.clock.monotonic() + retryMs });
    deps.log.warn({ restore: formatKey(name), retryMs, error: messageOf(error) }, "restore run is interrupted");
    const plan = deps.live.get("RestorePlan", name);
    if (plan !== undefined && !isLostRace(error))
      await writeStanding(deps, plan, key, outcomeOfFailure(error, retryMs));
  }

  return reconcile;
}

/** An unreadable ledger is waited for, and nothing runs meanwhile; an unknown backup may still come by sync. */
function outcomeOfFailure(error: unknown, retryMs = RETRY_MS): StepOutcome {
  if (isCoded(error, "LedgerUnreadable")) {
    return { type: "wait", reason: "LedgerUnreadable", message: messageOf(error), afterMs: retryMs };
  }
  if (isCoded(error, "BackupNotFound")) {
    return { type: "stall", reason: "BackupNotFound", message: messageOf(error), afterMs: retryMs };
  }
  if (isCoded(error, "OwnerHeld")) {
    return { type: "wait", reason: "OwnerHeld", message: messageOf(error), afterMs: retryMs };
  }
  if (isCoded(error, "SafetyBackupGone") || isCoded(error, "RecordsGone")) {
    return { type: "stall", reason: error.code, message: messageOf(error), afterMs: retryMs };
  }
  if (isCoded(error, "PlanStale") || isCoded(error, "OwnersRefused") || isCoded(error, "OwnerNotPaused")) {
    return { type: "stall", reason: error.code, message: messageOf(error), afterMs: retryMs };
  }
  return outcomeOf(error, retryMs);
}

function isCancelled(plan: Live<"RestorePlan">): boolean {
  const wanted = plan.metadata.annotations?.[CANCEL_REQUESTED_ANNOTATION];
  return wanted !== undefined && wanted === plan.status?.run?.id;
}

function pinnedBackup(plan: Live<"RestorePlan">, key: string, verdict: LedgerVerdict): ResolvedBackup | undefined {
  if (plan.status?.run?.key === key && plan.status.backup !== undefined) return plan.status.backup;
  return verdict.type === "begun" ? verdict.backup : undefined;
}

/** The run that goes on, or a new one. */
function runOf(
  plan: Live<"RestorePlan">,
  key: string,
  verdict: LedgerVerdict,
  { names, nowMs }: { readonly names: RunNames; readonly nowMs: number },
): { readonly run: string; readonly claimedAt: string } {
  if (verdict.type === "begun") return { run: verdict.run, claimedAt: verdict.claimedAt };
  const { run } = plan.status ?? {};
  if (run?.key === key) return { run: run.id, claimedAt: run.claimedAt ?? rfc3339(nowMs) };
  return { run: names.name(keyOf(plan), nowMs), claimedAt: rfc3339(nowMs) };
}

/** The claim in the cluster, first of the three; a run that goes on gets a new token and this leader's term. */
async function claimInStatus(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  claim: { readonly run: string; readonly claimedAt: string; readonly key: string; readonly backup: ResolvedBackup },
): Promise<Live<"RestorePlan">> {
  const { clusterUid, term } = deps.installation;
  const { run: id, key, claimedAt, backup } = claim;
  const run = { id, token: randomUUID(), term, clusterUid, key, claimedAt };
  const { generation } = plan.metadata;
  const status = claimedStatus(plan.status, { run, backup, generation, nowMs: deps.clock.now() });
  const claimed = await writeStatus(deps.kube, RESTORE_PLAN, plan, status);
  deps.live.put(claimed);
  return claimed;
}

async function writeStanding(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  key: string,
  outcome: StepOutcome & { readonly planned?: Pick<RestorePlanStatus, "planDigest" | "planTotals"> },
): Promise<Result> {
  const nowMs = deps.clock.now();
  const generation = plan.metadata.generation;
  const before = statusOfKey(plan.status, key);
  const { conditions, result } = summarize({ outcome, conditions: before.conditions, generation, nowMs });
  const phase =
    outcome.reason === "FailedValidation" ? "FailedValidation" : before.run === undefined ? "New" : "InProgress";
  const status: RestorePlanStatus = {
    ...before,
    ...waitingPlan(before, outcome.planned),
    phase,
    conditions,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  deps.live.put(await writeStatus(deps.kube, RESTORE_PLAN, plan, status));
  return result;
}
