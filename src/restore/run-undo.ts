/** Plans and runs an undo. */
import { createOwnersTally } from "../gitops/pause-plan.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { isNamespaceEmpty } from "./namespace-empty.ts";
import { outcomeOf } from "./outcome.ts";
import { plannedOwners, summarize } from "./plan-restore.ts";
import { logLine, uploadRecords } from "./records.ts";
import { createTally } from "./results.ts";
import { createSecretRedactor } from "./secret-digest.ts";
import { openSession, type RestoreSession } from "./session.ts";
import type { ObjectRecord, PlannedItem, PlanStream, RestoreDeps, RestoreOutcome, RestoreRequest } from "./types.ts";
import { planUndo, type UndoSource } from "./undo.ts";
import { writeItem } from "./write.ts";

/** An undo of one run. `backup` is the safety backup, or the run's own where there was none. */
export interface UndoRequest extends UndoSource, Pick<RestoreRequest, "run" | "signal" | "onRecord" | "owners"> {
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
  for await (const item of planUndo(session, request)) {
    const entry = await redact(item.entry);
    summary.add(entry);
    tally.add(item.ownership);
    yield entry === item.entry ? item : { ...item, entry };
  }
  return { ...summary.end([]), ...plannedOwners(request, tally.found) };
}

/** Undoes a run, object by object in reverse order. What can't be returned is an error that names it; the rest goes on. */
export async function runUndo(deps: RestoreDeps, request: UndoRequest): Promise<RestoreOutcome> {
  const started = deps.clock.now();
  const session = await openSession(deps, sessionRequest(request));
  const tally = createTally();
  const log: string[] = [];
  for await (const item of planUndo(session, request)) {
    const record = await undoItem(session, item);
    tally.add(record, item);
    log.push(
      logLine(
        deps.clock.now(),
        record.errors === undefined ? "info" : "error",
        `${record.outcome} ${record.resource} ${record.namespace}/${record.name}`,
      ),
    );
    await request.onRecord?.(record);
  }
  await uploadRecords(deps, request.run, tally, log);
  return outcomeOf(deps.clock, started, tally);
}

/** The undo's own options play no part: what it does is decided by records and copies. */
function sessionRequest({ run, backup, signal, owners }: UndoRequest): RestoreRequest {
  const optional = { ...(signal === undefined ? {} : { signal }), ...(owners === undefined ? {} : { owners }) };
  return { run, backup, spec: { source: { undoOf: run } }, ...optional };
}

/** A namespace takes everything in it along, so it goes only when nothing else is there. */
async function undoItem(session: RestoreSession, item: PlannedItem): Promise<ObjectRecord> {
  const { action, resource, apiVersion, kind, namespace, name } = item.entry;
  if (action !== "delete" || resource !== "namespaces") return await writeItem(session, item);
  const left = await isNamespaceEmpty(session, name);
  if (left === undefined) return await writeItem(session, item);
  const message = `the namespace holds ${left}, which the restore did not create: delete it yourself when it is no longer needed`;
  return {
    resource,
    apiVersion,
    kind,
    namespace,
    name,
    outcome: "failed",
    reason: "NotEmpty",
    message,
    errors: [message],
  };
}
