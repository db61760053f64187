import type { KubeObject } from "../api/object.ts";

/** A Lease of coordination.k8s.io/v1, as far as it is read here. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
  };
}

/** A state of the lease and since when it is known, in monotonic ms of this process. */
export interface ObservedLease {
  readonly resourceVersion: string;
  readonly sinceMs: number;
}

/** `free`: to be taken with this term. `held`: somebody holds it; `observed` is to be given back at the next look. */
export type LeaseVerdict =
  | { readonly type: "free"; readonly term: number }
  | { readonly type: "held"; readonly holder: string; readonly observed: ObservedLease };

/** Seconds since then are above the minutes since 1970 that first terms were once made of, and fit into 32 bits until 2088. */
const TERMS_BEGIN_MS = Date.UTC(2020, 0, 1);
/** What a holder that does not say has, in seconds; nobody leaves it out. */
const UNKNOWN_DURATION_S = 60;

/**
 * Whether a lease may be taken. Only what this process has seen stand still for the whole duration has expired: the
 * holder's clock is not compared with ours. Pure.
 */
export function judgeLease(
  lease: Lease | undefined,
  observed: ObservedLease | undefined,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): LeaseVerdict {
  if (lease === undefined) return { type: "free", term: firstTerm(now.wallMs) };
  const { holderIdentity = "", leaseTransitions = 0, leaseDurationSeconds = UNKNOWN_DURATION_S } = lease.spec ?? {};
  const next = { type: "free", term: leaseTransitions + 1 } as const;
  if (holderIdentity === "") return next;
  const resourceVersion = lease.metadata.resourceVersion ?? "";
  const seen = observed?.resourceVersion === resourceVersion ? observed : { resourceVersion, sinceMs: now.monotonicMs };
  if (now.monotonicMs - seen.sinceMs >= leaseDurationSeconds * 1000) return next;
  return { type: "held", holder: holderIdentity, observed: seen };
}

/**
 * The term of a lease that is made anew: whole seconds since 2020. A lease may be deleted with its namespace while the
 * record in Git and the claims in the bucket go on, and terms there must never be higher than that of the next leader,
 * also where a `run --once` every half minute raised them for years.
 */
function firstTerm(wallMs: number): number {
  return Math.max(1, Math.floor((wallMs - TERMS_BEGIN_MS) / 1000));
}
