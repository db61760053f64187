import { findCondition, setCondition, setStanding } from "../api/conditions.ts";
import type { RestorePlanStatus } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { keyOf } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded } from "../errors.ts";
import { restorePaths } from "../report/record-paths.ts";
import { restoreKeys } from "../storage/layout.ts";
import { encodeGzipText } from "../storage/velero-files.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { LedgerVerdict } from "./ledger-plan.ts";
import type { Live } from "./live-objects.ts";
import { findLocation, isAvailable, isReadOnly } from "./locations.ts";
import { failureOf, finishLedger, type Ledger } from "./restore-ledger.ts";
import { spoolFolder } from "./restore-run.ts";
import { dropSpool, readSpool } from "./restore-spool.ts";
import { DONE, type Result, requeue } from "./result.ts";
import { writeStatus } from "./write-status.ts";

const LOCATION_RETRY_MS = 30_000;

/** Brings a finished run to the ledgers. */
export interface RestoreEnd {
  /** Idempotent: done once per process and run, and nothing is written where it stands already. */
  settle(plan: Live<"RestorePlan">): Promise<Result>;
}

/** The end of a run after its status says so: files and key into Git, and last of all `done.json` into the bucket. */
export function createRestoreEnd(deps: ReconcileDeps): RestoreEnd {
  const settled = new Set<string>();

  return {
    settle: async (plan) => {
      const { run, backup, phase, completionTimestamp } = plan.status ?? {};
      if (run?.key === undefined || phase === undefined || settled.has(run.key)) return DONE;
      if (findCondition(plan.status?.conditions, "Ready")?.reason === "AlreadyRun") return DONE;
      const ledger = await ledgerOfEnded(deps, plan, run.key);
      if (ledger === undefined) return requeue(LOCATION_RETRY_MS);
      const files = await keepFiles(deps, { plan, run: run.id, ledger });
      deps.hit("restore-recorded");
      const { cluster } = deps.installation;
      const { namespace, name } = keyOf(plan);
      const claimedAt = run.claimedAt ?? plan.status?.startTimestamp ?? rfc3339(deps.clock.now());
      const completedAt = completionTimestamp ?? claimedAt;
      await finishLedger(deps, ledger, {
        key: run.key,
        run: run.id,
        cluster,
        clusterUid: run.clusterUid ?? deps.installation.clusterUid,
        namespace,
        name,
        term: run.term,
        claimedAt,
        ...(backup === undefined ? {} : { backup }),
        done: { phase, completedAt, term: run.term },
      });
      files.throwFailure();
      // where nobody else keeps the records, the spool is all there is to undo by
      if (files.areKept) await dropSpool(spoolFolder(deps, run.id));
      settled.add(run.key);
      return DONE;
    },
  };
}

/** What the run left on this disk, to the bucket and into Git: each is tried whatever becomes of the other. */
async function keepFiles(
  deps: ReconcileDeps,
  { plan, run, ledger }: { readonly plan: Live<"RestorePlan">; readonly run: string; readonly ledger: Ledger },
): Promise<{ readonly areKept: boolean; throwFailure(): void }> {
  const files = await readSpool(spoolFolder(deps, run));
  let isStored = false;
  const unstored = await failureOf(async () => {
    isStored = await storeObjects(ledger, run, files.objects);
  });
  const unrecorded = await failureOf(() => recordFiles(deps, restorePaths(keyOf(plan), run), files));
  const throwFailure = (): void => {
    for (const failure of [unstored, unrecorded]) if (failure !== undefined) throw failure.error;
  };
  return { areKept: isStored || deps.record.isConfigured(), throwFailure };
}

/** Puts the records beside the run's logs, where an undo and its plan find them; false where that may not be written. */
async function storeObjects({ store, isReadOnly }: Ledger, run: string, objects: string | undefined): Promise<boolean> {
  if (store === undefined || objects === undefined) return false;
  try {
    await store.put(restoreKeys(run).objects, await encodeGzipText(objects));
    return true;
  } catch (error) {
    const isDenied = isCoded(error, "StoreReadOnly") || isCoded(error, "StoreAuth");
    if (!isDenied || !isReadOnly) throw error;
    return false;
  }
}

/** What the run left on this disk goes into the record beside its status, in one commit. */
async function recordFiles(
  deps: ReconcileDeps,
  paths: ReturnType<typeof restorePaths>,
  { plan, objects }: Awaited<ReturnType<typeof readSpool>>,
): Promise<void> {
  if (!deps.record.isConfigured()) return;
  const files = new Map<string, string>();
  if (plan !== undefined) files.set(paths.plan, plan);
  if (objects !== undefined) files.set(paths.objects, objects);
  if (files.size > 0) deps.record.addFiles(files);
  await deps.record.push();
}

/** Undefined while the location can't be reached: the end is recorded when it can. */
async function ledgerOfEnded(deps: ReconcileDeps, plan: Live<"RestorePlan">, key: string): Promise<Ledger | undefined> {
  const { backup } = plan.status ?? {};
  const location = findLocation(deps, backup?.namespace ?? plan.metadata.namespace ?? "", backup?.storageLocation);
  if (location === undefined || backup === undefined)
    return { key, store: undefined, conditionalWrites: undefined, isReadOnly: true };
  if (!isAvailable(location)) return undefined;
  return {
    key,
    store: await deps.open.store(location),
    conditionalWrites: location.status?.conditionalWrites,
    isReadOnly: isReadOnly(location),
  };
}

/** Says of a RestorePlan that it was run before, as far as the ledger tells: it is settled and never runs again. */
export async function writeAlreadyRun(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  key: string,
  verdict: LedgerVerdict & { readonly type: "finished" },
): Promise<void> {
  const nowMs = deps.clock.now();
  const generation = plan.metadata.generation;
  const message = `run ${verdict.run} did this restore and ended ${verdict.phase} at ${verdict.completedAt}; a new runId runs it again`;
  const settled = setStanding(
    plan.status?.conditions,
    { type: "ready", reason: "AlreadyRun", message },
    generation,
    nowMs,
  );
  const succeeded = {
    type: "Succeeded",
    status: verdict.phase === "Completed",
    reason: "AlreadyRun",
    message,
  } as const;
  const { term, clusterUid } = deps.installation;
  const status: RestorePlanStatus = {
    phase: verdict.phase as NonNullable<RestorePlanStatus["phase"]>,
    run: { id: verdict.run, token: `ledger-${key.slice(0, 16)}`, term, clusterUid, key },
    completionTimestamp: verdict.completedAt,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: setCondition(settled, { ...succeeded, observedGeneration: generation }, nowMs),
  };
  deps.live.put(await writeStatus(deps.kube, RESTORE_PLAN, plan, status));
}
