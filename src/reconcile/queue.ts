/**
 * The loop: what turns "something may have changed" into converged objects. Level-based: a reconcile is told a key and
 * reads everything else. Nothing about schedules or runs lives only here; losing the queue loses nothing.
 */
import type { Clock } from "../clock.ts";
import type { Result } from "./result.ts";

/** Keys waiting to be reconciled. A key is never worked on twice at once, and a key added while at work is worked on again. */
export interface WorkQueue {
  add(key: string): void;
  /** At the latest after `ms`; an earlier appointment of the key stands. */
  addAfter(key: string, ms: number): void;
  /** Keys waiting and in work, without those that wait for a time to come. */
  depth(): number;
  /** Resolves when nothing waits and nothing is in work; appointments in the future don't count. */
  idle(): Promise<void>;
  /** Takes no more work and resolves when what is in work has ended. */
  close(): Promise<void>;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Reconciles at once. */
  readonly workers: number;
  /** Converges one object. What it throws is answered with a backoff. */
  readonly reconcile: (key: string) => Promise<Result>;
  /** Told of every failure with the delay until the next try. */
  readonly onFailure: (key: string, error: unknown, retryMs: number) => void;
  /** Between 0 and 1: the jitter of the backoff. */
  readonly random: () => number;
  readonly backoff?: Backoff;
}

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 250, longestMs: 300_000 };

/** The delay before try number `failures` + 1: doubling, capped, and at random between half of it and all of it. */
export function backoffMs(failures: number, backoff: Backoff, random: number): number {
  const whole = Math.min(backoff.longestMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole / 2 + (whole / 2) * random);
}

/** A workqueue with per-key deduplication, bounded workers and backoff per key. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, backoff = DEFAULT_BACKOFF } = options;
  const waiting = new Set<string>();
  const working = new Set<string>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const appointments = createAppointments(clock, (key) => add(key));
  const idlers = new Set<() => void>();
  let closed = false;

  function add(key: string): void {
    if (closed) return;
    appointments.cancel(key);
    if (working.has(key)) again.add(key);
    else waiting.add(key);
    dispatch();
  }

  function dispatch(): void {
    for (const key of waiting) {
      if (working.size >= options.workers) return;
      waiting.delete(key);
      working.add(key);
      void work(key);
    }
    if (working.size === 0) for (const resolve of idlers) resolve();
  }

  async function work(key: string): Promise<void> {
    try {
      const result = await options.reconcile(key);
      failures.delete(key);
      if (result.type === "requeue" && !closed) appointments.make(key, result.afterMs);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const retryMs = backoffMs(count, backoff, options.random());
      options.onFailure(key, error, retryMs);
      if (!closed) appointments.make(key, retryMs);
    } finally {
      working.delete(key);
      if (again.delete(key) && !closed) waiting.add(key);
      dispatch();
    }
  }

  return {
    add,
    addAfter: (key, ms) => {
      if (!closed && !waiting.has(key)) appointments.make(key, ms);
    },
    depth: () => waiting.size + working.size,
    idle: () => untilIdle(() => waiting.size + working.size === 0, idlers),
    close: async () => {
      closed = true;
      waiting.clear();
      appointments.cancelAll();
      await untilIdle(() => working.size === 0, idlers);
    },
  };
}

async function untilIdle(isIdle: () => boolean, idlers: Set<() => void>): Promise<void> {
  while (!isIdle()) {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        idlers.delete(wake);
        resolve();
      };
      idlers.add(wake);
    });
  }
}

interface Appointments {
  make(key: string, ms: number): void;
  cancel(key: string): void;
  cancelAll(): void;
}

/** Node's timers take no more than 31 bits of ms; a longer wait is cut and made again by the next reconcile. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function createAppointments(clock: Clock, due: (key: string) => void): Appointments {
  const made = new Map<string, { readonly at: number; readonly abort: AbortController }>();
  const cancel = (key: string): void => {
    made.get(key)?.abort.abort();
    made.delete(key);
  };
  return {
    make: (key, ms) => {
      const at = clock.monotonic() + ms;
      const earlier = made.get(key);
      if (earlier !== undefined && earlier.at <= at) return;
      cancel(key);
      const abort = new AbortController();
      made.set(key, { at, abort });
      clock.sleep(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), abort.signal).then(
        () => {
          made.delete(key);
          due(key);
        },
        () => {}, // cancelled
      );
    },
    cancel,
    cancelAll: () => {
      for (const key of [...made.keys()]) cancel(key);
    },
  };
}
