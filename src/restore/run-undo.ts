/** Plans and runs an undo. */
import { messageOf } from "../errors.ts";
import { createOwnersTally } from "../gitops/pause-plan.ts";
import type { PlanEntry } from "../report/plan.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { ahead } from "./ahead.ts";
import { isOfOneResource } from "./away.ts";
import { dryRunItem } from "./dry-run.ts";
import { heldByContents, plannedByContents } from "./left-inside.ts";
import { CRDS } from "./order.ts";
import { type Ended, outcomeOf } from "./outcome.ts";
import { plannedOwners, summarize } from "./plan-restore.ts";
import { createWorkPool, type WorkPool } from "./pool.ts";
import { logLine, noteRecord, uploadRecords } from "./records.ts";
import { createTally, type RunTally } from "./results.ts";
import { createSecretRedactor } from "./secret-digest.ts";
import { openSession, type RestoreSession } from "./session.ts";
import type { PlannedItem, PlanStream, RestoreDeps, RestoreOutcome, RestoreRequest } from "./types.ts";
import { type UndoSource, type UndoStep, undoSteps } from "./undo.ts";
import { writtenRecords } from "./undo-records.ts";
import { writeItem } from "./write.ts";

/** An undo of one run. `backup` is the safety backup, or the run's own where there was none. */
export interface UndoRequest
  extends UndoSource,
    Pick<RestoreRequest, "run" | "signal" | "recorded" | "onRecord" | "onProgress" | "owners" | "serverDryRun"> {
  readonly backup: BackupReader;
}

/** The plan of an undo, with its totals. Only reads. */
export async function* planUndoRestore(
  deps: RestoreDeps,
  request: UndoRequest & Pick<RestoreRequest, "spec">,
): PlanStream {
  const session = await openSession(deps, sessionRequest(request));
  const summary = summarize(request.spec, request.backup.digest);
  const tally = createOwnersTally();
  const redact = createSecretRedactor(deps.kube, request.signal);
  for await (const item of foreseen(session, request)) {
    const entry = await redact(item.entry);
    summary.add(entry);
    tally.add(item.ownership);
    yield entry === item.entry ? item : { ...item, entry };
  }
  return { ...summary.end([]), ...plannedOwners(request, tally.found) };
}

/** The items as they will be met when those before them are done. */
async function* foreseen(session: RestoreSession, request: UndoRequest): AsyncGenerator<PlannedItem> {
  const leaving = new Set<string>();
  for await (const { windows } of undoSteps(session, request, await writtenRecords(request.records, request))) {
    for await (const window of windows) {
      for (const { item } of window) {
        const held = await plannedByContents(session, item, leaving);
        learn(session, held.entry, leaving);
        yield request.serverDryRun === true ? await dryRunItem(session, held) : held;
      }
    }
  }
}

function learn(
  { facts }: RestoreSession,
  { action, resource, name, liveUid = "" }: PlanEntry,
  leaving: Set<string>,
): void {
  if (action === "delete") leaving.add(liveUid);
  if (action !== "create") return;
  if (resource === "namespaces") facts.newNamespaces.add(name);
  if (resource === CRDS) facts.comingResources.add(name);
}

/**
 * Undoes a run, resource by resource, the objects of each side by side. What can't be returned is an error that names
 * it; the rest goes on. One that is cancelled says so, and what it has returned stays.
 */
export async function runUndo(deps: RestoreDeps, request: UndoRequest): Promise<RestoreOutcome> {
  const started = deps.clock.now();
  const session = await openSession(deps, sessionRequest(request));
  const tally = createTally();
  const log: string[] = [];
  let ended: Ended = {};
  try {
    await runInOrder(session, request, { tally, log });
  } catch (error) {
    if (request.signal?.aborted !== true) throw error;
    ended = { cancelled: true };
    log.push(logLine(deps.clock.now(), "error", "the undo was cancelled"));
  }
  await uploadRecords(deps, request.run, tally, log);
  return outcomeOf(deps.clock, started, tally, ended);
}

/** The undo's own options play no part: what it does is decided by records and copies. */
function sessionRequest({ run, backup, signal, owners, recorded }: UndoRequest): RestoreRequest {
  return {
    run,
    backup,
    spec: { source: { undoOf: run } },
    ...(signal === undefined ? {} : { signal }),
    ...(owners === undefined ? {} : { owners }),
    ...(recorded === undefined ? {} : { recorded }),
  };
}

interface Sinks {
  readonly tally: RunTally;
  readonly log: string[];
}

async function runInOrder(session: RestoreSession, request: UndoRequest, { tally, log }: Sinks): Promise<void> {
  const { deps, limits } = session;
  const written = await writtenRecords(request.records, request);
  const pool = createWorkPool(limits.maxWrites, () => deps.clock.monotonic());
  const undo = async (item: PlannedItem): Promise<void> => {
    const record = await writeItem(session, await heldByContents(session, item));
    tally.add(record, item);
    noteRecord(deps, log, record);
    await request.onRecord?.(record);
    request.onProgress?.({ totalItems: written.count, itemsRestored: tally.items });
  };
  for await (const step of undoSteps(session, request, written)) {
    try {
      await runStep(session, pool, step, undo);
    } catch (error) {
      if (!(await isOfOneResource(session, error))) throw error;
      tally.addError("", `${step.resource} could not be undone: ${messageOf(error)}`);
    }
  }
}

/** All writes of a step are done when it ends: the next one may build on them, and looks at what they left. */
async function runStep(
  session: RestoreSession,
  pool: WorkPool,
  { windows }: UndoStep,
  undo: (item: PlannedItem) => Promise<void>,
): Promise<void> {
  try {
    for await (const window of ahead(windows, 1)) {
      for (const { item } of window) {
        session.request.signal?.throwIfAborted();
        await pool.start(() => undo(item));
      }
    }
  } finally {
    await pool.drain();
  }
}
