import { join } from "node:path";
import { SAFETY_TTL } from "../api/defaults.ts";
import type { ResolvedBackup } from "../api/kinds.generated.ts";
import { keyOf } from "../api/object.ts";
import { CodedError, isCoded } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { counted } from "../report/plan-lines.ts";
import { restorePaths } from "../report/record-paths.ts";
import type { ObjectRecord } from "../restore/types.ts";
import { writtenRecords } from "../restore/undo-records.ts";
import { restoreKeys } from "../storage/layout.ts";
import { readGzipText } from "../storage/velero-files.ts";
import { awaitedLocation, openBackupSource } from "./backup-source.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { findLocation, isAvailable } from "./locations.ts";
import type { AwaitedSource, OpenedSource } from "./restore-source.ts";
import { readSpool, recordsOf } from "./restore-spool.ts";

/**
 * The records of the run that is undone, with its safety backup, or the backup it restored where no copy is needed.
 * @throws {SafetyBackupGone} where it changed objects and the copies are in no location; @throws {RecordsGone}
 */
export async function openUndo(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  undoOf: string,
): Promise<OpenedSource | AwaitedSource> {
  const { namespace = "" } = plan.metadata;
  const undone = deps.live
    .list("RestorePlan")
    .find(({ metadata, status }) => metadata.namespace === namespace && status?.run?.id === undoOf);
  if (undone === undefined || !isEnded(undone.status?.phase)) {
    return { reason: "AwaitingBackup", message: `no restore in ${namespace} ended as run ${undoOf}` };
  }
  const records = await undoneRecords(deps, undone, undoOf);
  if ("reason" in records) return records;
  const { safetyBackup, backup } = undone.status ?? {};
  const isForCreated = plan.spec.source.createdOnly === true;
  const copies = await openCopies(deps, plan, isForCreated ? undefined : safetyBackup);
  if ("reason" in copies) return copies;
  if ("reader" in copies) return { ...copies, undo: { records, safety: copies.reader } };
  await demandNoCopies(plan, undone, { records, lookedIn: copies.lookedIn });
  const source = await openNamed(deps, plan, backup?.name ?? "", backup);
  return "reason" in source ? source : { ...source, undo: { records, safety: undefined } };
}

/** From this disk, from the location of the run's backup, or from Git. */
async function undoneRecords(
  deps: ReconcileDeps,
  undone: Live<"RestorePlan">,
  run: string,
): Promise<readonly ObjectRecord[] | AwaitedSource> {
  const { backup } = undone.status ?? {};
  const location = findLocation(deps, backup?.namespace ?? "", backup?.storageLocation);
  const reachable = location !== undefined && isAvailable(location) ? location : undefined;
  const text =
    (await readSpool(join(deps.spoolDir, "restores", run))).objects ??
    (reachable && (await readGzipText(await deps.open.store(reachable), restoreKeys(run).objects))) ??
    (await deps.record.readFile(restorePaths(keyOf(undone), run).objects))?.toString("utf8");
  if (text !== undefined) return recordsOf(text);
  if (location !== undefined && reachable === undefined) return awaitedLocation(location);
  const looked = location === undefined ? "" : `, not in location ${location.metadata.name}`;
  const message = `nothing tells any more what run ${run} wrote: its records are not on this disk${looked} and not in Git; restore what it changed from another backup`;
  throw new CodedError("RecordsGone", { run }, message);
}

/** The safety backup; where there is none, where it was looked for. */
async function openCopies(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  name: string | undefined,
): Promise<OpenedSource | AwaitedSource | { readonly lookedIn: string }> {
  if (name === undefined) return { lookedIn: "" };
  try {
    return await openNamed(deps, plan, name, undefined);
  } catch (error) {
    if (!isCoded(error, "BackupNotFound")) throw error;
    return { lookedIn: error.data.location };
  }
}

async function openNamed(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  backupName: string,
  pinned: ResolvedBackup | undefined,
): Promise<OpenedSource | AwaitedSource> {
  return await openBackupSource(deps, { ...plan, spec: { ...plan.spec, source: { backupName } } }, pinned);
}

/** An undo that could only delete leaves a worse cluster than none: it takes a person to want that. */
async function demandNoCopies(
  { spec }: Live<"RestorePlan">,
  { metadata, status }: Live<"RestorePlan">,
  found: { readonly records: readonly ObjectRecord[]; readonly lookedIn: string },
): Promise<void> {
  const { createdOnly } = spec.source;
  const { count, changed } = await writtenRecords(found.records, { createdOnly });
  if (changed === 0) return;
  const { run, safetyBackup } = status ?? {};
  const why =
    safetyBackup === undefined
      ? `run ${run?.id} made no safety backup`
      : `the safety backup ${safetyBackup} of run ${run?.id} is gone (looked in ${found.lookedIn || "no location"}; it is kept for ${SAFETY_TTL})`;
  const left = `restore ${changed === 1 ? "it" : "them"} from another backup`;
  const created = count - changed;
  const still =
    created === 0
      ? ""
      : `; \`holdfast restore undo ${metadata.name} --created-only\` (source.createdOnly) still deletes the ${counted(created, "object")} that it created`;
  const message = `${why}, so ${counted(changed, "object")} that it changed can't be returned: ${left}${still}`;
  throw new CodedError("SafetyBackupGone", { run: run?.id ?? "", backup: safetyBackup }, message);
}
