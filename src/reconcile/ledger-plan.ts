import { jsonDigest } from "../api/digest.ts";
import type { ResolvedBackup, RestorePlanSpec } from "../api/kinds.generated.ts";
import type { KeyRecord } from "../report/restore-record.ts";
import type { RestoreRecord } from "../storage/claims.ts";
import type { Installation } from "./deps.ts";

/** SHA-256 of what a restore is run once per: cluster, namespace, spec as written without `approval`, and `runId`. */
export function restoreKey(cluster: string, namespace: string, spec: RestorePlanSpec): string {
  const { approval: _approval, ...written } = spec;
  return jsonDigest({ cluster, namespace, spec: jsonDigest(written), runId: spec.runId ?? "" });
}

/** What the two ledgers outside the cluster say of a key. */
export interface LedgerEntries {
  readonly git: KeyRecord | undefined;
  readonly bucket: RestoreRecord | undefined;
}

/** What that means for a RestorePlan of this cluster. */
export type LedgerVerdict =
  /** Nobody ran it. */
  | { readonly type: "free" }
  /** It was run to its end: never again. */
  | { readonly type: "finished"; readonly run: string; readonly phase: string; readonly completedAt: string }
  /** This cluster began it, and nobody finished it: the same run goes on. */
  | {
      readonly type: "begun";
      readonly run: string;
      /** The RestorePlan that began it. */
      readonly by: string;
      readonly claimedAt: string;
      readonly backup: ResolvedBackup | undefined;
    }
  /** A cluster of our name and another UID began it: never resumed. */
  | { readonly type: "otherCluster"; readonly run: string; readonly clusterUid: string };

/** Any ledger that knows the key as finished blocks; of two that know it as begun, another cluster's counts first. */
export function judgeLedger({ git, bucket }: LedgerEntries, installation: Installation): LedgerVerdict {
  if (git?.done !== undefined) return { type: "finished", run: git.run, ...pick(git.done) };
  if (bucket?.done !== undefined) return { type: "finished", run: bucket.claim.run, ...pick(bucket.done) };
  const claims = [git, bucket?.claim].filter((claim) => claim !== undefined);
  const foreign = claims.find(({ clusterUid }) => clusterUid !== installation.clusterUid);
  if (foreign !== undefined) return { type: "otherCluster", run: foreign.run, clusterUid: foreign.clusterUid };
  const [claim] = claims;
  if (claim === undefined) return { type: "free" };
  return { type: "begun", run: claim.run, by: claim.name, claimedAt: claim.claimedAt, backup: git?.backup };
}

function pick({ phase, completedAt }: { readonly phase: string; readonly completedAt: string }): {
  phase: string;
  completedAt: string;
} {
  return { phase, completedAt };
}
