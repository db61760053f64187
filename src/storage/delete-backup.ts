import { CodedError } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";

/** What a deletion removed. */
export interface DeletedBackup {
  readonly files: number;
  readonly uploads: number;
}

/**
 * Deletes a backup's folder: ends its uploads, then the marker (from then on it is no backup), the manifest, the rest,
 * and the claim last, so that an interrupted deletion is taken up as an unfinished folder. Idempotent.
 */
export async function deleteBackup(_store: ObjectStore, _name: string, _signal?: AbortSignal): Promise<DeletedBackup> {
  throw new CodedError("Internal", { detail: "delete backup" }, "not built yet");
}

/** Deletes a restore run's records under `restores/<run>/`; claims are tombstones and are never touched. Idempotent. */
export async function deleteRestoreRecords(_store: ObjectStore, _run: string, _signal?: AbortSignal): Promise<number> {
  throw new CodedError("Internal", { detail: "delete restore records" }, "not built yet");
}
