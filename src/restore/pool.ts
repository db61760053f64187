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

/** A round this much faster than the one before says that more at once is of use. */
const GAIN = 1.05;
/** A round this much slower says that more at once was too much, or that the server can do less than it could. */
const LOSS = 0.75;
const STEP = 1.25;
const LEAST = 4;

/**
 * Begins with half of `max` and moves with the pace of whole rounds of tasks: up while more at once gets more done, down
 * when less gets done, so that a server which only makes its clients wait is not given more to do. The client below has
 * its own answer to 429.
 */
export function createWorkPool(max: number, monotonic: () => number): WorkPool {
  const least = Math.min(LEAST, max);
  let limit = Math.max(least, Math.ceil(max / 2));
  let running = 0;
  let failure: { readonly error: unknown } | undefined;
  const waiting: (() => void)[] = [];
  const pace = createPace(monotonic);

  function learn(): void {
    // Where nobody waits for room it is not this pool that sets the pace.
    if (waiting.length === 0) pace.restart();
    const change = waiting.length === 0 ? undefined : pace.count(Math.floor(limit) * 2);
    if (change === undefined) return;
    if (change > GAIN) limit = Math.min(max, limit * STEP);
    else if (change < LOSS) limit = Math.max(least, limit / STEP);
  }

  async function run(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      failure ??= { error };
    } finally {
      running--;
      learn();
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
      pace.restart();
      while (running > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      pace.restart();
      if (failure !== undefined) throw failure.error;
    },
  };
}

interface Pace {
  /** One task more is done; at the end of a round of `size`, its pace divided by that of the round before. */
  count(size: number): number | undefined;
  /** Forgets the round under way. */
  restart(): void;
}

function createPace(monotonic: () => number): Pace {
  let done = 0;
  let began = 0;
  /** Tasks a ms; the first round is measured against nothing, and one step up is tried. */
  let before = 0;
  return {
    count: (size) => {
      if (done === 0) began = monotonic();
      if (done++ < size) return undefined;
      const pace = (done - 1) / Math.max(monotonic() - began, 0.001);
      const change = pace / before;
      before = pace;
      done = 0;
      return change;
    },
    restart: () => {
      done = 0;
    },
  };
}
