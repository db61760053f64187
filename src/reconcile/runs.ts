import type { Clock } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

/** A slot that nothing runs in yet. */
export interface Slot {
  /** Starts the work; the slot is free when it has ended. What the work throws has been recorded by itself. */
  run(work: (signal: AbortSignal) => Promise<void>): void;
  /** Gives the slot back unused. Nobody is woken: what could not begin is not looked at again at once. */
  release(): void;
}

/** Long work of this process (backups, restores), by key: bounded, cancellable, and waited for at the end. */
export interface Runs {
  /** True while this process works on the key. */
  isActive(key: string): boolean;
  /** Says that this process works on the key as part of another run, until the returned function is called. */
  hold(key: string): () => void;
  /** Takes a slot for what must succeed before the work begins; undefined when every slot is taken. */
  reserve(key: string): Slot | undefined;
  /** Starts the work unless every slot is taken. What it throws has been recorded by the work itself. */
  start(key: string, work: (signal: AbortSignal) => Promise<void>): boolean;
  /** Aborts the work of a key with a Cancelled error; nothing happens where there is none. */
  cancel(key: string): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
  active(): number;
  /** Aborts everything with `reason`. */
  abort(reason: Error): void;
  /** Gives what runs `graceMs` to end by itself, then aborts it with `reason`; resolves when all has ended. */
  close(reason: Error, graceMs: number): Promise<void>;
}

export interface RunsOptions {
  readonly slots: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a run ended and its slot is free. */
  readonly onEnd: (key: string) => void;
}

/** Slots for long work. */
export function createRuns(options: RunsOptions): Runs {
  const held = new Set<string>();
  const active = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();

  async function run(key: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work(signal);
    } catch (error) {
      options.log.warn({ key, error: messageOf(error) }, "run ended with an error");
    } finally {
      active.delete(key);
      options.onEnd(key);
    }
  }

  function reserve(key: string): Slot | undefined {
    if (active.has(key) || active.size >= options.slots) return undefined;
    const abort = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    active.set(key, { abort, ended });
    return {
      // later: what the work looks at first must not find the caller half done
      run: (work) => void Promise.resolve().then(() => run(key, work, abort.signal).finally(end)),
      release: () => {
        active.delete(key);
        end();
      },
    };
  }

  const idle = async (): Promise<void> => {
    while (active.size > 0) await Promise.all([...active.values()].map(({ ended }) => ended));
  };

  const abort = (reason: Error): void => {
    for (const each of active.values()) each.abort.abort(reason);
  };

  return {
    abort,
    isActive: (key) => active.has(key) || held.has(key),
    hold: (key) => {
      held.add(key);
      return () => void held.delete(key);
    },
    active: () => active.size,
    reserve,
    start: (key, work) => {
      const slot = reserve(key);
      slot?.run(work);
      return slot !== undefined;
    },
    cancel: (key) => {
      active.get(key)?.abort.abort(new CodedError("Cancelled", { what: key }, `${key} was cancelled`));
    },
    idle,
    close: async (reason, graceMs) => {
      const grace = new AbortController();
      await Promise.race([idle(), options.clock.sleep(graceMs, grace.signal).catch(() => {})]);
      grace.abort();
      abort(reason);
      await idle();
    },
  };
}
