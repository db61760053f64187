import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { CodedError, isCoded } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import { acquireLease, type Leadership } from "../reconcile/lease.ts";
import type { CliIo } from "./io.ts";

/** How a process asks for the lease. */
export interface LeadOptions {
  readonly kube: KubeClient;
  readonly log: Logger;
  readonly durationMs: number;
  /** With `--once`: how long to wait for another leader, in ms, and not to lead again after the work. */
  readonly onceWithinMs: number | undefined;
  /** Told while another leads, with who it is, and with undefined when this process does. */
  readonly onStanding: (leader: string | undefined) => void;
}

/**
 * Does the work under the lease, once or, when the lease is lost in the middle of it, again when this process leads
 * again; ends with the process's signal.
 * @throws {LeaseHeld} with `--once`, when another leads all the time; what the work throws
 */
export async function whileLeading(
  io: CliIo,
  options: LeadOptions,
  work: (leadership: Leadership) => Promise<void>,
): Promise<void> {
  const { log } = options;
  while (!io.signal.aborted) {
    const leadership = await acquire(io, options);
    options.onStanding(undefined);
    try {
      await work(leadership);
    } catch (error) {
      if (options.onceWithinMs !== undefined || !isCoded(error, "LeaseLost")) throw error;
    } finally {
      await leadership.release();
    }
    if (options.onceWithinMs !== undefined || !leadership.lost.aborted) return;
    log.warn({ reason: String((leadership.lost.reason as Error).message) }, "this process leads no more");
  }
}

async function acquire(io: CliIo, options: LeadOptions): Promise<Leadership> {
  const { kube, log, durationMs, onceWithinMs } = options;
  const { namespace } = io.options();
  let leader = "";
  const waiting = onceWithinMs === undefined ? undefined : AbortSignal.timeout(onceWithinMs);
  const onWait = (holder: string): void => {
    leader = holder;
    log.info({ leader, lease: `${namespace}/holdfast` }, "another process leads: waiting for its lease");
    options.onStanding(holder);
  };
  const identity = `${hostname()}_${randomUUID()}`;
  try {
    return await acquireLease(
      { kube, clock: io.clock, log, namespace, identity, durationMs, onWait },
      waiting === undefined ? io.signal : AbortSignal.any([io.signal, waiting]),
    );
  } catch (error) {
    if (waiting?.aborted !== true || io.signal.aborted || leader === "") throw error;
    const message = `${leader} holds the lease ${namespace}/holdfast: one process works at a time, and --timeout is over`;
    throw new CodedError("LeaseHeld", { lease: `${namespace}/holdfast`, holder: leader }, message, { cause: error });
  }
}
