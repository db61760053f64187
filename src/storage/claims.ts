import { CodedError } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";

/** Who holds a backup's name, as `holdfast-claim.json` says it. */
export interface BackupClaim {
  /** Random, also in the CR's status: whoever knows it is the owner. */
  readonly token: string;
  readonly cluster: string;
  /** UID of `kube-system`. */
  readonly clusterUid: string;
  readonly namespace: string;
  readonly name: string;
  /** The leader's term. */
  readonly term: number;
  /** RFC 3339, UTC. */
  readonly claimedAt: string;
}

/** Who runs, or ran, a restore key, as `claim.json` says it. */
export interface RestoreClaim {
  /** SHA-256 of the key; 64 hex digits. */
  readonly key: string;
  readonly run: string;
  readonly cluster: string;
  readonly clusterUid: string;
  readonly namespace: string;
  readonly name: string;
  readonly term: number;
  readonly claimedAt: string;
}

/** How a restore key ended, as `done.json` says it. */
export interface RestoreDone {
  readonly run: string;
  readonly phase: string;
  readonly completedAt: string;
  readonly term: number;
}

/** A restore key that the bucket knows. */
export interface RestoreRecord {
  readonly claim: RestoreClaim;
  readonly done: RestoreDone | undefined;
}

/** `claimed`: ours since now. `ours`: it was ours before (same token). */
export type BackupClaimOutcome = { readonly type: "claimed" } | { readonly type: "ours"; readonly claim: BackupClaim };

/** `ours`: the same run on the same cluster, to be resumed or, with `done`, finished. `taken`: anybody else's. */
export type RestoreClaimOutcome = { readonly type: "claimed" } | ({ readonly type: "ours" | "taken" } & RestoreRecord);

export interface ClaimOptions {
  /** What the location's probe found. False: put, read back and compare, which a shared prefix is not safe with. */
  readonly conditionalWrites?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Takes a backup's name for `claim.token` before anything is listed. Idempotent for the same token.
 * @throws {BackupNameTaken} with the owner, also when Velero has files under that name.
 */
export async function claimBackup(
  _store: ObjectStore,
  _backup: string,
  _claim: BackupClaim,
  _options: ClaimOptions = {},
): Promise<BackupClaimOutcome> {
  throw new CodedError("Internal", { detail: "claims" }, "not built yet");
}

/** Who holds a backup's name, or undefined. @throws {ClaimUnreadable} when the file is not a claim. */
export async function readBackupClaim(
  _store: ObjectStore,
  _backup: string,
  _signal?: AbortSignal,
): Promise<BackupClaim | undefined> {
  throw new CodedError("Internal", { detail: "claims" }, "not built yet");
}

/** Takes a restore key for `claim.run`, for ever. @throws {ClaimUnreadable} when the file there is not a claim. */
export async function claimRestore(
  _store: ObjectStore,
  _claim: RestoreClaim,
  _options: ClaimOptions = {},
): Promise<RestoreClaimOutcome> {
  throw new CodedError("Internal", { detail: "claims" }, "not built yet");
}

/** What the bucket knows of a restore key, or undefined. @throws {ClaimUnreadable} */
export async function readRestoreClaim(
  _store: ObjectStore,
  _keySha256: string,
  _signal?: AbortSignal,
): Promise<RestoreRecord | undefined> {
  throw new CodedError("Internal", { detail: "claims" }, "not built yet");
}

/** Records that a claimed restore is over; the last write of a run. Idempotent: a record that is there stays. */
export async function finishRestoreClaim(
  _store: ObjectStore,
  _keySha256: string,
  _done: RestoreDone,
  _signal?: AbortSignal,
): Promise<void> {
  throw new CodedError("Internal", { detail: "claims" }, "not built yet");
}
