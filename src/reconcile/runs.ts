import type { Clock } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

/** Long work of this process (backups, restores), by key: bounded, cancellable, and waited for at the end. */
export interface Runs {
  /** True while this process works on the key. */
  isActive(key: string): boolean;
  /** Says that this process works on the key as part of another run, until the returned function is called. */
  hold(key: string): () => void;
  /** Starts the work unless every slot is taken. What it throws has been recorded by the work itself. */
  start(key: string, work: (signal: AbortSignal) => Promise<void>): boolean;
  /** Aborts the work of a key with a Cancelled error; nothing happens where there is none. */
  cancel(key: string): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
  active(): number;
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

  const idle = async (): Promise<void> => {
    while (active.size > 0) await Promise.all([...active.values()].map(({ ended }) => ended));
  };

  return {
    isActive: (key) => active.has(key) || held.has(key),
    hold: (key) => {
      held.add(key);
      return () => void held.delete(key);
    },
    active: () => active.size,
    start: (key, work) => {
      if (active.has(key) || active.size >= options.slots) return false;
      const abort = new AbortController();
      // the map must know the key before the work's first step looks at it
      const ended = Promise.resolve().then(() => run(key, work, abort.signal));
      active.set(key, { abort, ended });
      return true;
    },
    cancel: (key) => {
      active.get(key)?.abort.abort(new CodedError("Cancelled", { what: key }, `${key} was cancelled`));
    },
    idle,
    close: async (reason, graceMs) => {
      const grace = new AbortController();
      await Promise.race([idle(), options.clock.sleep(graceMs, grace.signal).catch(() => {})]);
      grace.abort();
      for (const { abort } of active.values()) abort.abort(reason);
      await idle();
    },
  };
}
