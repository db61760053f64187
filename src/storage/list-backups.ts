import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { BackupClaim } from "./claims.ts";
import type { ObjectStore } from "./object-store.ts";

/** A backup as the bucket shows it: its marker is there. */
export interface ListedBackup {
  readonly name: string;
  /** `velero-backup.json`. */
  readonly backup: KubeObject;
  /** Absent on backups made by Velero. */
  readonly manifestSha256?: string;
}

export interface ListBackupsOptions {
  /** Which names to read; default all. A marker never changes, so a sync need not read those it knows. */
  readonly only?: (name: string) => boolean;
  /** Told of a marker that is no Backup; the others are listed all the same. */
  readonly onUnreadable?: (name: string, error: unknown) => void;
  readonly signal?: AbortSignal;
}

/** Every backup of a location, by name. A folder without the marker is no backup and is not shown. */
export async function* listBackups(
  _store: ObjectStore,
  _options: ListBackupsOptions = {},
): AsyncGenerator<ListedBackup> {
  yield* [];
  throw new CodedError("Internal", { detail: "list backups" }, "not built yet");
}

/** A folder of ours without a marker: its run is under way, or dead. */
export interface UnfinishedBackup {
  readonly name: string;
  /** Undefined when the claim itself can't be read. */
  readonly claim: BackupClaim | undefined;
  /** By the store's clock: when the claim was put, and when the folder was last written to. */
  readonly claimedMs: number;
  readonly modifiedMs: number;
}

/** Folders with a claim and without a marker, by name; the clean-up decides by their age and their run. */
export async function* listUnfinished(_store: ObjectStore, _signal?: AbortSignal): AsyncGenerator<UnfinishedBackup> {
  yield* [];
  throw new CodedError("Internal", { detail: "list unfinished" }, "not built yet");
}
