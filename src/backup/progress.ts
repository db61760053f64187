/** How far a backup is, told at most once a second. */
import type { Clock } from "../clock.ts";
import type { BackupRunProgress } from "./types.ts";

export interface ProgressMeter {
  /** So many resources are to be listed. */
  plan(resources: number): void;
  /** One of them is. */
  listed(): void;
  /** More objects are known of; negative where fewer came than were announced. */
  expect(items: number): void;
  /** One more object is written. */
  written(): void;
  readonly itemsBackedUp: number;
  /** Tells the final state: what was written is all there is. */
  finish(): void;
}

const INTERVAL_MS = 1_000;

/** A meter that calls `tell`. */
export function createProgressMeter(
  clock: Clock,
  tell: ((progress: BackupRunProgress) => void) | undefined,
): ProgressMeter {
  const startedMs = clock.monotonic();
  let expected = 0;
  let done = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  let resourcesListed = 0;
  let totalResources = 0;

  function report(total: number): void {
    const seconds = (clock.monotonic() - startedMs) / 1_000;
    const rate = seconds > 0 ? done / seconds : 0;
    const left = Math.max(0, total - done);
    tell?.({
      itemsBackedUp: done,
      totalItems: total,
      itemsPerSecond: Math.round(rate),
      etaSeconds: rate > 0 ? Math.ceil(left / rate) : undefined,
      resourcesListed,
      totalResources,
    });
  }

  function tellNow(): void {
    const now = clock.monotonic();
    if (now - toldMs < INTERVAL_MS) return;
    toldMs = now;
    report(Math.max(expected, done));
  }

  return {
    plan: (resources) => {
      totalResources = resources;
    },
    listed: () => {
      resourcesListed += 1;
      tellNow();
    },
    expect: (items) => {
      expected += items;
    },
    written: () => {
      done += 1;
      tellNow();
    },
    get itemsBackedUp() {
      return done;
    },
    finish: () => report(done),
  };
}
