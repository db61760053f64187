/** Bounded parallel work inside one order step, with as many at once as shortens the whole and no more. */

/** Runs tasks side by side. A task must not throw what it can record; what it throws ends the run. */
export interface WorkPool {
  /** Resolves when there is room and the task has begun. Rejects with the first failure of any task. */
  start(task: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is under way. Rejects with the first failure. */
  drain(): Promise<void>;
  /** How many may be under way now. */
  readonly limit: number;
}

/** The best latency seen is forgotten at this pace, so that a server that got slower for good is not starved. */
const BASELINE_DRIFT = 1.002;
/** A queue this many times the best latency means that more at once would only wait longer. */
const QUEUED = 4;

/**
 * Begins with a quarter of `max` and moves with the latency of tasks: up by one per round while tasks take no longer than
 * they must, down by a tenth when they queue. The client below has its own answer to 429.
 */
export function createWorkPool(max: number, monotonic: () => number): WorkPool {
  let limit = Math.max(1, Math.min(max, Math.ceil(max / 4)));
  let best = Number.POSITIVE_INFINITY;
  let running = 0;
  let failure: { readonly error: unknown } | undefined;
  const waiting: (() => void)[] = [];

  function learn(elapsedMs: number): void {
    best = Math.min(best * BASELINE_DRIFT, Math.max(elapsedMs, 0.5));
    limit = elapsedMs > best * QUEUED ? Math.max(1, limit * 0.9) : Math.min(max, limit + 1 / limit);
  }

  async function run(task: () => Promise<void>): Promise<void> {
    const began = monotonic();
    try {
      await task();
    } catch (error) {
      failure ??= { error };
    } finally {
      running--;
      learn(monotonic() - began);
      for (const wake of waiting.splice(0)) wake();
    }
  }

  async function waitFor(ready: () => boolean): Promise<void> {
    while (failure === undefined && !ready()) await new Promise<void>((resolve) => waiting.push(resolve));
    if (failure !== undefined) throw failure.error;
  }

  return {
    get limit() {
      return Math.floor(limit);
    },
    start: async (task) => {
      await waitFor(() => running < Math.floor(limit));
      running++;
      void run(task);
    },
    drain: async () => {
      while (running > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      if (failure !== undefined) throw failure.error;
    },
  };
}
