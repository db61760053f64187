/**
 * One leader at a time: who holds the Lease in Holdfast's namespace works, everybody else waits. The lease alone guards
 * nothing, for a process can be stopped between any look at it and the write that follows; every write is guarded by
 * itself as well (resourceVersion, If-None-Match, the parent commit).
 */
import { compare, testResourceVersion } from "../api/patch.ts";
import type { Clock } from "../clock.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import { judgeLease, type Lease, type ObservedLease } from "./lease-plan.ts";

const LEASES = { group: "coordination.k8s.io", version: "v1", resource: "leases" } as const;
const LEASE_NAME = "holdfast";
/** A leader that could not renew for this part of the duration stops; the rest is for what is under way to end. */
const RENEW_DEADLINE = 2 / 3;
/** How often it renews, and how often others look, as a part of the duration. */
const RETRY = 1 / 6;

/** Where the lease is, and who asks for it. */
export interface LeaseOptions {
  readonly kube: Pick<KubeClient, "get" | "create" | "patch">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Holdfast's own. */
  readonly namespace: string;
  /** Of this process, and of no other. */
  readonly identity: string;
  /** How long others wait after the last renewal, in ms; whole seconds. */
  readonly durationMs: number;
  /** Told once for each holder that is waited for. */
  readonly onWait: (holder: string) => void;
}

/** The lease, held. */
export interface Leadership {
  /** Higher than that of every leader before. */
  readonly term: number;
  /** When the leader before, whoever that was, renewed last: ms since the epoch; undefined when there was none. */
  readonly lastLedMs: number | undefined;
  /** Aborts with LeaseLost when the lease is another's, or could not be renewed in time. */
  readonly lost: AbortSignal;
  /** To be asked before every write. @throws {LeaseLost} */
  assertHeld(): void;
  /** Gives up because somebody else was found to lead. */
  stepDown(reason: CodedError): void;
  /** Stops renewing and lets the next one in at once, if it is still held. */
  release(): Promise<void>;
}

/**
 * Waits until the lease is ours, then keeps it until `release`; an API server that does not answer is waited for.
 * Rejects with the signal's reason. @throws {KubeForbidden, KubeNotFound} what waiting does not mend
 */
export async function acquireLease(options: LeaseOptions, signal: AbortSignal): Promise<Leadership> {
  const { clock, log, durationMs } = options;
  const watched: Watched = { observed: undefined, holder: undefined };
  for (;;) {
    signal.throwIfAborted();
    const attempt = AbortSignal.timeout(durationMs);
    try {
      const leadership = await tryLease(options, watched, AbortSignal.any([signal, attempt]));
      if (leadership !== undefined) return leadership;
    } catch (error) {
      if (signal.aborted || !(attempt.aborted || isCoded(error, "KubeUnavailable"))) throw error;
      log.info({ error: messageOf(error) }, "the lease can't be read or taken now");
    }
    await clock.sleep(durationMs * RETRY, signal);
  }
}

/** What a waiting process has seen. */
interface Watched {
  observed: ObservedLease | undefined;
  holder: string | undefined;
}

async function tryLease(options: LeaseOptions, watched: Watched, signal: AbortSignal): Promise<Leadership | undefined> {
  const { kube, clock, namespace } = options;
  const askedAt = clock.monotonic();
  const lease = (await kube.get(LEASES, { namespace, name: LEASE_NAME }, signal)) as Lease | undefined;
  // what was seen counts from after the answer: the holder may have renewed in between
  const verdict = judgeLease(lease, watched.observed, { wallMs: clock.now(), monotonicMs: clock.monotonic() });
  if (verdict.type === "free") {
    const taken = await take(options, lease, verdict.term, signal);
    return taken && keepLease(options, { taken, takenAt: askedAt, before: lease });
  }
  watched.observed = verdict.observed;
  if (watched.holder !== verdict.holder) options.onWait(verdict.holder);
  watched.holder = verdict.holder;
  return undefined;
}

/** Undefined when somebody else was quicker. */
async function take(
  options: LeaseOptions,
  lease: Lease | undefined,
  term: number,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { kube, clock, namespace, identity, durationMs } = options;
  const time = microTime(clock.now());
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: durationMs / 1000,
    leaseTransitions: term,
    acquireTime: time,
    renewTime: time,
  };
  try {
    if (lease !== undefined) return await writeLease(options, lease, spec, signal);
    const metadata = { name: LEASE_NAME, namespace };
    const made = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
    return (await kube.create(LEASES, made, { signal })) as Lease;
  } catch (error) {
    if (isCoded(error, "KubeConflict") || isCoded(error, "KubeExists")) return undefined;
    if (lease !== undefined || !isCoded(error, "KubeNotFound")) throw error;
    const message = `the lease of the leader can't be made: there is no namespace ${namespace}; install Holdfast (kubectl apply -k .), make it, or name another with --namespace`;
    throw new CodedError("KubeNotFound", error.data, message, { cause: error });
  }
}

async function writeLease(
  { kube, namespace }: LeaseOptions,
  lease: Lease,
  spec: NonNullable<Lease["spec"]>,
  signal?: AbortSignal,
): Promise<Lease> {
  const changes = compare({ spec: lease.spec ?? {} }, { spec: { ...lease.spec, ...spec } });
  const whole = lease.spec === undefined ? [{ op: "add", path: "/spec", value: spec }] : changes;
  const patch = { type: "json", operations: [testResourceVersion(lease), ...whole] } as const;
  return (await kube.patch(LEASES, { namespace, name: LEASE_NAME }, patch, signal ? { signal } : {})) as Lease;
}

function keepLease(
  options: LeaseOptions,
  { taken, takenAt, before }: { readonly taken: Lease; readonly takenAt: number; readonly before: Lease | undefined },
): Leadership {
  const { kube, clock, log, namespace, identity, durationMs } = options;
  const lost = new AbortController();
  const ended = new AbortController();
  let lease = taken;
  /** When the last renewal that went through was sent: others count from later. */
  let renewedAt = takenAt;

  const leftMs = (): number => renewedAt + durationMs * RENEW_DEADLINE - clock.monotonic();
  const lose = (why: string): void => lost.abort(leaseLost(namespace, why));

  async function renew(): Promise<void> {
    const sentAt = clock.monotonic();
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(Math.max(1, Math.ceil(leftMs())))]);
    try {
      lease = await writeLease(options, lease, { renewTime: microTime(clock.now()) }, signal);
      renewedAt = sentAt;
    } catch (error) {
      if (ended.signal.aborted) return;
      log.info({ error: messageOf(error) }, "the lease was not renewed");
      if (isCoded(error, "KubeConflict") || isCoded(error, "KubeNotFound")) await readAgain(signal);
    }
  }

  /** Somebody changed it: its labels perhaps, which is nothing to us, or its holder. */
  async function readAgain(signal: AbortSignal): Promise<void> {
    const fresh = (await kube.get(LEASES, { namespace, name: LEASE_NAME }, signal)) as Lease | undefined;
    const holder = fresh?.spec?.holderIdentity;
    if (fresh === undefined) lose("somebody deleted it");
    else if (holder !== identity) lose(holder ? `${holder} holds it` : "somebody released it");
    else lease = fresh;
  }

  async function keep(): Promise<void> {
    while (!lost.signal.aborted && !ended.signal.aborted) {
      await clock.sleep(Math.max(0, Math.min(durationMs * RETRY, leftMs())), ended.signal).catch(() => {});
      if (ended.signal.aborted || lost.signal.aborted) return;
      if (leftMs() <= 0) lose("it could not be renewed in time");
      else await renew().catch((error: unknown) => log.info({ error: messageOf(error) }, "the lease was not read"));
    }
  }

  const keeping = keep();
  const lastLedMs = Date.parse(before?.spec?.renewTime ?? "");
  return {
    term: taken.spec?.leaseTransitions ?? 0,
    lastLedMs: Number.isNaN(lastLedMs) ? undefined : lastLedMs,
    lost: lost.signal,
    assertHeld: () => {
      if (!lost.signal.aborted && leftMs() <= 0) lose("it could not be renewed in time");
      lost.signal.throwIfAborted();
    },
    stepDown: (reason) => lost.abort(reason),
    release: async () => {
      ended.abort();
      await keeping;
      const remainingMs = Math.floor(leftMs());
      if (remainingMs <= 0) return; // it runs out by itself, or is another's already
      const released = { holderIdentity: "", leaseDurationSeconds: 1 };
      try {
        // guarded by the version of our last renewal: another's lease stays as it is
        await writeLease(options, lease, released, AbortSignal.timeout(remainingMs));
      } catch (error) {
        log.debug({ error: messageOf(error) }, "the lease was not released");
      }
    },
  };
}

function leaseLost(namespace: string, why: string): CodedError {
  return new CodedError("LeaseLost", { lease: `${namespace}/${LEASE_NAME}` }, `the lease is lost: ${why}`);
}

/** As Kubernetes reads a MicroTime: exactly six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
