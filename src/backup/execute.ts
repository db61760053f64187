import { resourceResolver } from "../api/resource-name.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import { createArchiveWriter } from "../storage/archive-writer.ts";
import { type BackupWriter, createBackupWriter } from "../storage/backup-writer.ts";
import { claimBackup, readBackupClaim } from "../storage/claims.ts";
import { deleteBackup } from "../storage/delete-backup.ts";
import { collectLists } from "./collect.ts";
import { fetchObjects } from "./fetch.ts";
import { hookPlanner } from "./hook-plan.ts";
import { createPendingHooks, type HookCounts, runHookedPods } from "./hook-run.ts";
import { createJournal, type Journal } from "./journal.ts";
import { expirationMs } from "./marker-plan.ts";
import { collectNamespaces } from "./namespaces.ts";
import { type PreparedBackup, prepareBackup, requestedByResource } from "./prepare.ts";
import { createProgressMeter, type ProgressMeter } from "./progress.ts";
import { publishBackup } from "./publish.ts";
import { collectRelated } from "./related.ts";
import { type BackupRun, emptyRunState } from "./run.ts";
import { specProblems } from "./spec-plan.ts";
import {
  type BackupDeps,
  type BackupOutcome,
  type BackupRequest,
  type BackupStep,
  DEFAULT_BACKUP_LIMITS,
} from "./types.ts";
import { unprotectedVolumes } from "./volume-facts.ts";

/**
 * Makes one backup. What goes wrong is in the outcome: `FailedValidation` and `Failed` leave nothing in the bucket but,
 * where the store can't be reached any more, a folder without a marker. The marker stands only when all else does.
 */
export async function runBackup(deps: BackupDeps, request: BackupRequest): Promise<BackupOutcome> {
  const attempt = beginAttempt(deps, request);
  const problems = specProblems(request.spec);
  if (problems.length > 0) return refusal(attempt, problems);
  try {
    return await runClaimed(attempt);
  } catch (error) {
    return await failure(attempt, error);
  } finally {
    attempt.stop();
  }
}

/** One call of `runBackup`: what is needed to end it whatever happens. */
interface Attempt {
  readonly deps: BackupDeps;
  readonly request: BackupRequest;
  readonly startMs: number;
  readonly journal: Journal;
  readonly progress: ProgressMeter;
  readonly counts: HookCounts;
  /** Aborts with the caller's signal, or by `fail`. */
  readonly signal: AbortSignal;
  /** Ends the run because its archive can't be written. */
  fail(error: unknown): void;
  stop(): void;
  reach(step: BackupStep): Promise<void>;
  claimed: boolean;
}

function beginAttempt(deps: BackupDeps, request: BackupRequest): Attempt {
  const controller = new AbortController();
  const cancel = (): void => controller.abort(request.signal?.reason);
  if (request.signal?.aborted) cancel();
  else request.signal?.addEventListener("abort", cancel, { once: true });
  return {
    deps,
    request,
    startMs: deps.clock.now(),
    journal: createJournal(deps.clock, `${request.namespace}/${request.name}`),
    progress: createProgressMeter(deps.clock, request.onProgress),
    counts: { hooksAttempted: 0, hooksFailed: 0 },
    signal: controller.signal,
    fail: (error) => controller.abort(error),
    stop: () => request.signal?.removeEventListener("abort", cancel),
    reach: async (step) => await request.onStep?.(step),
    claimed: false,
  };
}

async function runClaimed(attempt: Attempt): Promise<BackupOutcome> {
  const { deps, request, signal } = attempt;
  signal.throwIfAborted();
  await attempt.reach("claim");
  await claimBackup(deps.store, request.name, claimOf(attempt), {
    ...(request.conditionalWrites === undefined ? {} : { conditionalWrites: request.conditionalWrites }),
    signal,
  });
  attempt.claimed = true;
  const preparation = await prepareBackup(deps.kube, request, signal);
  if (preparation.type === "refused") {
    await cleanUp(attempt);
    return refusal(attempt, preparation.problems);
  }
  return await collectAndPublish(attempt, preparation.prepared);
}

async function collectAndPublish(attempt: Attempt, prepared: PreparedBackup): Promise<BackupOutcome> {
  const { deps, request, journal, progress, counts } = attempt;
  const writer = createBackupWriter(deps.store, request.name, {
    ...(request.conditionalWrites === undefined ? {} : { conditionalWrites: request.conditionalWrites }),
  });
  const { run, totals } = await writeArchive(attempt, prepared, writer);
  const unprotected = unprotectedVolumes(run.claims, run.volumes, prepared.policy);
  for (const volume of unprotected.filter((each) => !each.intended)) {
    journal.warn(`the data of volume ${volume.volumeName} is not in this backup: ${volume.reason}`, {
      namespace: volume.namespace,
      resource: "persistentvolumeclaims",
      name: volume.name,
    });
  }
  const phase = journal.errors > 0 ? "PartiallyFailed" : "Completed";
  const expiration = expirationMs(request, attempt.startMs);
  const facts = {
    phase,
    startTimestamp: rfc3339(attempt.startMs),
    completionTimestamp: rfc3339(deps.clock.now()),
    expiration: expiration === undefined ? undefined : rfc3339(expiration),
    items: totals.items,
    warnings: journal.warnings,
    errors: journal.errors,
    hookStatus: { ...counts },
    serverVersion: prepared.serverVersion,
    labelledOut: prepared.labelledOut,
  } as const;
  journal.info(`backup ${phase}: ${totals.items} items, ${journal.warnings} warnings, ${journal.errors} errors`);
  const manifestSha256 = await publishBackup(
    writer,
    { request, run, totals, unprotected, facts, policies: prepared.recordedPolicies },
    attempt.reach,
  );
  await attempt.reach("done");
  progress.finish();
  return {
    ...outcome(attempt, phase),
    completionTimestamp: facts.completionTimestamp,
    ...(facts.expiration === undefined ? {} : { expiration: facts.expiration }),
    itemsBackedUp: totals.items,
    totalItems: totals.items,
    manifestSha256,
    archiveSizeBytes: totals.sizeBytes,
    unprotectedVolumes: unprotected,
  };
}

/** Collects into the archive while it is uploaded; either one's end is the other's. */
async function writeArchive(
  attempt: Attempt,
  prepared: PreparedBackup,
  writer: BackupWriter,
): Promise<{ run: BackupRun; totals: Awaited<ReturnType<BackupRun["archive"]["finish"]>> }> {
  const { deps, request, journal, progress, signal } = attempt;
  await attempt.reach("archive");
  const archive = createArchiveWriter({ modifiedMs: attempt.startMs });
  const upload = writer.put("archive", archive.readable, signal);
  upload.catch((error: unknown) => attempt.fail(error));
  const run: BackupRun = {
    ...emptyRunState(),
    kube: deps.kube,
    clock: deps.clock,
    plan: prepared.plan,
    archive,
    journal,
    progress,
    limits: { ...DEFAULT_BACKUP_LIMITS, ...deps.limits },
    signal,
    hooksOf: hookPlanner(request.spec, resourceResolver([...prepared.plan.resources.values()])),
    allVersions: request.spec.apiVersions === "All",
  };
  try {
    await collect(attempt, run, prepared);
    const totals = await archive.finish();
    await upload;
    return { run, totals };
  } catch (error) {
    archive.abort(error instanceof Error ? error : new Error(String(error)));
    await upload.catch(() => undefined);
    // A rejected `add` only says that the archive has ended; the signal knows why.
    throw signal.aborted ? signal.reason : error;
  }
}

async function collect(attempt: Attempt, run: BackupRun, prepared: PreparedBackup): Promise<void> {
  const { request, deps, counts } = attempt;
  for (const warning of run.plan.warnings) run.journal.warn(warning);
  for (const { resource, message } of run.plan.errors) run.journal.error(message, { resource });
  if (request.objects !== undefined) return await collectRequested(run, request);
  await collectLists(run, deps.clock);
  await runHookedPods(run, createPendingHooks(request.onPendingHooks), counts);
  await collectRelated(run);
  await collectNamespaces(run, request.spec, prepared.namespaces);
}

async function collectRequested(run: BackupRun, request: BackupRequest): Promise<void> {
  for (const [name, keys] of requestedByResource(request)) {
    const resource = run.plan.resources.get(name);
    if (resource === undefined) run.journal.error("the kind is not served", { namespace: "", resource: name });
    else await fetchObjects(run, resource, keys, { explicit: true });
  }
}

function claimOf({ deps, request }: Attempt): Parameters<typeof claimBackup>[2] {
  return {
    ...request.claim,
    cluster: request.cluster,
    namespace: request.namespace,
    name: request.name,
    claimedAt: rfc3339(deps.clock.now()),
  };
}

function outcome(attempt: Attempt, phase: BackupOutcome["phase"]): BackupOutcome {
  const { deps, journal, progress, counts } = attempt;
  return {
    phase,
    startTimestamp: rfc3339(attempt.startMs),
    completionTimestamp: rfc3339(deps.clock.now()),
    itemsBackedUp: progress.itemsBackedUp,
    totalItems: progress.itemsBackedUp,
    warnings: journal.warnings,
    errors: journal.errors,
    results: journal.results(),
    hookStatus: { ...counts },
    unprotectedVolumes: [],
  };
}

function refusal(attempt: Attempt, problems: readonly string[]): BackupOutcome {
  return { ...outcome(attempt, "FailedValidation"), validationErrors: problems };
}

/** The truth about a run that ended early: why, and nothing of it left in the bucket. */
async function failure(attempt: Attempt, error: unknown): Promise<BackupOutcome> {
  const { deps, request } = attempt;
  const failureReason =
    request.signal?.aborted === true ? `cancelled: ${messageOf(request.signal.reason)}` : messageOf(error);
  deps.log.info({ backup: request.name, reason: failureReason }, "backup failed");
  // Whoever lost the lease no longer decides about the folder: the next leader may be at it.
  if (attempt.claimed && !isCoded(request.signal?.reason, "LeaseLost")) await cleanUp(attempt);
  const stopped = request.signal?.aborted === true ? { stoppedBy: request.signal.reason as unknown } : {};
  return { ...outcome(attempt, "Failed"), failureReason, ...stopped };
}

/** Removes what this run has put, if the folder is still its own; what can't be removed is left to the location's clean-up. */
async function cleanUp({ deps, request }: Attempt): Promise<void> {
  try {
    const claim = await readBackupClaim(deps.store, request.name);
    if (claim?.token === request.claim.token) await deleteBackup(deps.store, request.name);
  } catch (error) {
    deps.log.info(
      { backup: request.name, reason: messageOf(error) },
      "leftovers of a failed backup stay until the clean-up",
    );
  }
}
