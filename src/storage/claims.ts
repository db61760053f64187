import { parseJson } from "../api/json.ts";
import { CodedError, isCoded } from "../errors.ts";
import { backupKeys, restoreClaimKeys } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";

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

/** How a claim is put. */
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
  store: ObjectStore,
  backup: string,
  claim: BackupClaim,
  options: ClaimOptions = {},
): Promise<BackupClaimOutcome> {
  const keys = backupKeys(backup);
  if (await isUnclaimedFolder(store, backup, options.signal)) {
    throw nameTaken(backup, "files without a claim: a backup of Velero's");
  }
  if ((await putClaim(store, keys.claim, claim, options)) === "created") return { type: "claimed" };
  const owner = await readBackupClaim(store, backup, options.signal);
  if (owner?.token === claim.token) return { type: "ours", claim: owner };
  throw nameTaken(backup, owner === undefined ? "a claim that was just removed" : describeOwner(owner));
}

/** Velero claims nothing: what it has put there, or is putting, is known by the absence of a claim. */
async function isUnclaimedFolder(
  store: ObjectStore,
  backup: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const keys = backupKeys(backup);
  if ((await store.head(keys.claim, signal)) !== undefined) return false;
  for await (const { key } of store.list(keys.prefix, signal)) return key !== keys.claim;
  return false;
}

function nameTaken(backup: string, owner: string): CodedError {
  return new CodedError("BackupNameTaken", { name: backup, owner }, `the backup name ${backup} is taken by ${owner}`);
}

function describeOwner(owner: BackupClaim): string {
  return `Backup ${owner.namespace}/${owner.name} of cluster ${owner.cluster} (${owner.clusterUid}), claimed at ${owner.claimedAt}`;
}

/** Who holds a backup's name, or undefined. @throws {ClaimUnreadable} when the file is not a claim. */
export async function readBackupClaim(
  store: ObjectStore,
  backup: string,
  signal?: AbortSignal,
): Promise<BackupClaim | undefined> {
  return await readRecord<BackupClaim>(store, backupKeys(backup).claim, ["token", "cluster", "clusterUid"], signal);
}

/** Takes a restore key for `claim.run`, for ever. @throws {ClaimUnreadable} when the file there is not a claim. */
export async function claimRestore(
  store: ObjectStore,
  claim: RestoreClaim,
  options: ClaimOptions = {},
): Promise<RestoreClaimOutcome> {
  const keys = restoreClaimKeys(claim.key);
  if ((await putClaim(store, keys.claim, claim, options)) === "created") return { type: "claimed" };
  const record = await readRestoreClaim(store, claim.key, options.signal);
  if (record === undefined) throw unreadable(keys.claim, "it exists for a write and not for a read");
  const isOurs =
    record.claim.run === claim.run &&
    record.claim.clusterUid === claim.clusterUid &&
    record.claim.cluster === claim.cluster;
  return { type: isOurs ? "ours" : "taken", ...record };
}

/** What the bucket knows of a restore key, or undefined. @throws {ClaimUnreadable} */
export async function readRestoreClaim(
  store: ObjectStore,
  keySha256: string,
  signal?: AbortSignal,
): Promise<RestoreRecord | undefined> {
  const keys = restoreClaimKeys(keySha256);
  const claim = await readRecord<RestoreClaim>(store, keys.claim, ["key", "run", "cluster", "clusterUid"], signal);
  if (claim === undefined) return undefined;
  if (claim.key !== keySha256) throw unreadable(keys.claim, `it is of the key ${claim.key}`);
  const done = await readRecord<RestoreDone>(store, keys.done, ["run", "phase"], signal);
  return { claim, done };
}

/** Records that a claimed restore is over; the last write of a run. Idempotent: a record that is there stays. */
export async function finishRestoreClaim(
  store: ObjectStore,
  keySha256: string,
  done: RestoreDone,
  options: ClaimOptions = {},
): Promise<void> {
  await putClaim(store, restoreClaimKeys(keySha256).done, done, options);
}

/** `exists` for whatever stands there, our own earlier put among it: the caller reads it. */
async function putClaim(
  store: ObjectStore,
  key: string,
  claim: object,
  options: ClaimOptions,
): Promise<"created" | "exists"> {
  const bytes = Buffer.from(`${JSON.stringify(claim, undefined, 2)}\n`);
  const signal = options.signal && { signal: options.signal };
  const put = { contentType: "application/json", ...signal };
  if (options.conditionalWrites !== false) return (await store.put(key, bytes, { ...put, ifAbsent: true })).type;
  if ((await store.head(key, options.signal)) !== undefined) return "exists";
  await store.put(key, bytes, put);
  const stored = await readAll(await store.get(key, options.signal));
  return stored.equals(bytes) ? "created" : "exists";
}

async function readRecord<T extends object>(
  store: ObjectStore,
  key: string,
  required: readonly (keyof T & string)[],
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readAll(await store.get(key, signal));
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing")) return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw unreadable(key, "it is not JSON", error);
  }
  const record = value as Record<string, unknown> | null;
  const missing = required.find((field) => typeof record?.[field] !== "string");
  if (missing !== undefined) throw unreadable(key, `it has no ${missing}`);
  return value as T;
}

function unreadable(key: string, why: string, cause?: unknown): CodedError {
  return new CodedError("ClaimUnreadable", { key }, `${key} is not a claim: ${why}`, { cause });
}
