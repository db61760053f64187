import type { ResolvedBackup, RestorePlanSpec } from "../api/kinds.generated.ts";
import type { ObjectKey } from "../api/object.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { KeyRecord } from "../report/restore-record.ts";
import { claimRestore, finishRestoreClaim, type RestoreClaim, readRestoreClaim } from "../storage/claims.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { ReconcileDeps } from "./deps.ts";
import { judgeLedger, type LedgerEntries, type LedgerVerdict } from "./ledger-plan.ts";
import { isReadOnly } from "./locations.ts";
import type { OpenedSource } from "./restore-source.ts";

/** Where one restore key is recorded outside the cluster. */
export interface Ledger {
  readonly key: string;
  /** The location's store; undefined where nothing may be written or read. */
  readonly store: ObjectStore | undefined;
  readonly conditionalWrites: boolean | undefined;
  /** The location's accessMode is ReadOnly: a claim there is tried, and a denial is no failure. */
  readonly isReadOnly: boolean;
}

/** The ledger of a key in the location of its backup; without a source, only what Git knows. */
export function ledgerOf(key: string, source: OpenedSource | undefined): Ledger {
  if (source === undefined) return { key, store: undefined, conditionalWrites: undefined, isReadOnly: true };
  const { location, store } = source;
  return { key, store, conditionalWrites: location.status?.conditionalWrites, isReadOnly: isReadOnly(location) };
}

/** Reads both ledgers. @throws {LedgerUnreadable} unless `approval.acceptUnreadable` names the one that can't be read */
export async function readLedger(deps: ReconcileDeps, ledger: Ledger, spec: RestorePlanSpec): Promise<LedgerVerdict> {
  const accepted = new Set(spec.approval?.acceptUnreadable ?? []);
  const git = await tolerate(accepted.has("Git"), () => deps.record.readKey(ledger.key));
  const bucket = await tolerate(accepted.has("Bucket"), () => readBucket(ledger));
  return judgeLedger({ git, bucket }, deps.installation);
}

async function readBucket({ key, store }: Ledger): Promise<LedgerEntries["bucket"]> {
  if (store === undefined) return undefined;
  try {
    return await readRestoreClaim(store, key);
  } catch (error) {
    throw new CodedError(
      "LedgerUnreadable",
      { where: "Bucket" },
      `the ledger in ${store.location} can't be read: ${messageOf(error)}; approval.acceptUnreadable: [Bucket] goes on without it`,
      { cause: error },
    );
  }
}

async function tolerate<T>(isAccepted: boolean, read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isAccepted && isCoded(error, "LedgerUnreadable")) return undefined;
    throw error;
  }
}

/** One run that is about to write to the cluster. */
export interface RunToClaim {
  readonly run: string;
  readonly plan: ObjectKey;
  readonly claimedAt: string;
  readonly backup: ResolvedBackup;
}

/**
 * Claims a key in the bucket and then on the status branch, pushed at once; the claim in the CR's status stands
 * already. @throws {ClaimTaken} when another run holds it; @throws {LedgerUnreadable}
 */
export async function claimLedger(
  deps: ReconcileDeps,
  ledger: Ledger,
  run: RunToClaim,
  spec: RestorePlanSpec,
): Promise<void> {
  const { cluster, clusterUid, term } = deps.installation;
  const { namespace, name } = run.plan;
  const claim: RestoreClaim = {
    key: ledger.key,
    run: run.run,
    cluster,
    clusterUid,
    namespace,
    name,
    term,
    claimedAt: run.claimedAt,
  };
  await claimBucket(deps, ledger, claim);
  deps.hit("restore-bucket-claimed");
  const accepted = spec.approval?.acceptUnreadable?.includes("Git") === true;
  const standing = await tolerate(accepted, () => deps.record.writeKey({ ...claim, backup: run.backup }));
  if (standing !== undefined && (standing.run !== run.run || standing.done !== undefined)) {
    throw taken(ledger.key, standing.run, "the status branch");
  }
  deps.hit("restore-key-pushed");
}

async function claimBucket(deps: ReconcileDeps, ledger: Ledger, claim: RestoreClaim): Promise<void> {
  const { store, conditionalWrites } = ledger;
  if (store === undefined) return;
  try {
    const outcome = await claimRestore(store, claim, conditionalWrites === undefined ? {} : { conditionalWrites });
    if (outcome.type === "taken" || (outcome.type === "ours" && outcome.done !== undefined)) {
      throw taken(ledger.key, outcome.claim.run, store.location);
    }
  } catch (error) {
    const isDenied = isCoded(error, "StoreReadOnly") || isCoded(error, "StoreAuth");
    if (!isDenied || !ledger.isReadOnly) throw error;
    deps.log.warn(
      { location: store.location, error: messageOf(error) },
      "restore is not claimed in a read-only bucket",
    );
  }
}

function taken(key: string, run: string, where: string): CodedError {
  return new CodedError("ClaimTaken", { key, owner: run }, `this restore is claimed by run ${run} in ${where}`);
}

/**
 * Records the end of a run on the status branch, and last of all as `done.json` in the bucket. Each is tried whatever
 * becomes of the other: either alone keeps the restore from running again. Idempotent; throws what failed first.
 */
export async function finishLedger(
  deps: Pick<ReconcileDeps, "hit"> & { readonly record: Pick<ReconcileDeps["record"], "writeKey"> },
  ledger: Ledger,
  record: KeyRecord,
): Promise<void> {
  const { done } = record;
  if (done === undefined) return;
  const git = await failureOf(() => deps.record.writeKey(record));
  deps.hit("restore-key-ended");
  const bucket = await failureOf(() => finishBucket(ledger, { run: record.run, ...done }));
  deps.hit("restore-done-put");
  for (const failure of [git, bucket]) if (failure !== undefined) throw failure.error;
}

async function finishBucket(
  { key, store, conditionalWrites, isReadOnly }: Ledger,
  done: Parameters<typeof finishRestoreClaim>[2],
): Promise<void> {
  if (store === undefined) return;
  try {
    await finishRestoreClaim(store, key, done, conditionalWrites === undefined ? {} : { conditionalWrites });
  } catch (error) {
    const isDenied = isCoded(error, "StoreReadOnly") || isCoded(error, "StoreAuth");
    if (!isDenied || !isReadOnly) throw error;
  }
}

/** What an attempt threw, where the next thing is to be tried all the same. */
export async function failureOf(attempt: () => Promise<unknown>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return { error };
  }
}
