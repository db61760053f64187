import type { ResolvedBackup } from "../api/kinds.generated.ts";
import type { ObjectRecord } from "../restore/types.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { openBackupSource } from "./backup-source.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { openUndo } from "./undo-source.ts";

/** The backup a restore is of, opened. */
export interface OpenedSource {
  readonly resolved: ResolvedBackup;
  readonly reader: BackupReader;
  readonly location: Live<"BackupStorageLocation">;
  readonly store: ObjectStore;
  /** Only for an undo: what the run wrote, and the copies it made before. */
  readonly undo?: UndoneRun | undefined;
}

/** What is known of a run that is undone. */
export interface UndoneRun {
  readonly records: readonly ObjectRecord[];
  readonly safety: BackupReader | undefined;
}

/** A source that can't be opened yet, although nothing is wrong with it. */
export interface AwaitedSource {
  readonly reason: "AwaitingLocation" | "AwaitingBackup";
  readonly message: string;
}

/**
 * Finds and opens what a RestorePlan restores or undoes. What was pinned stays pinned: the same name in the same
 * location with the same digest. @throws {BackupNotFound | DigestMismatch | InvalidSpec | SafetyBackupGone | RecordsGone}
 */
export async function openSource(
  deps: ReconcileDeps,
  plan: Live<"RestorePlan">,
  pinned: ResolvedBackup | undefined,
): Promise<OpenedSource | AwaitedSource> {
  const { undoOf } = plan.spec.source;
  return undoOf === undefined ? await openBackupSource(deps, plan, pinned) : await openUndo(deps, plan, undoOf);
}
