import { describe, expect, it } from "vitest";
import type { Clock } from "../clock.ts";
import { createLimiter } from "./limiter.ts";

/** A clock that moves when told, and wakes who sleeps on it. */
function heldClock() {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: (ms) => new Promise((wake) => sleepers.push({ at: now + ms, wake })),
  };
  const advance = async (ms: number): Promise<void> => {
    now += ms;
    for (const { at, wake } of sleepers.splice(0)) {
      if (at <= now) wake();
      else sleepers.push({ at, wake });
    }
    await new Promise(setImmediate);
  };
  return { clock, advance };
}

/** Asks for `count` places; answers which have been let in so far. */
function ask(limiter: ReturnType<typeof createLimiter>, count: number): () => number[] {
  const admitted: number[] = [];
  for (let index = 0; index < count; index++) {
    const waiting = limiter.acquire();
    if (waiting === undefined) admitted.push(index);
    else void waiting.then(() => admitted.push(index));
  }
  return () => admitted;
}

const settled = () => new Promise(setImmediate);

describe("the limiter", () => {
  it("lets in so many at once, then first come, first served", async () => {
    const limiter = createLimiter({ maxInFlight: 2 }, heldClock().clock);
    const admitted = ask(limiter, 5);

    expect(admitted()).toEqual([0, 1]);
    limiter.release(false);
    await settled();
    expect(admitted()).toEqual([0, 1, 2]);
    limiter.release(false);
    limiter.release(false);
    await settled();
    expect(admitted()).toEqual([0, 1, 2, 3, 4]);
  });

  it("starts no more a second than allowed, after a burst", async () => {
    const { clock, advance } = heldClock();
    const limiter = createLimiter({ maxInFlight: 100, requestsPerSecond: 10, burst: 3 }, clock);
    const admitted = ask(limiter, 8);

    expect(admitted()).toHaveLength(3);
    await advance(100);
    expect(admitted()).toHaveLength(4);
    for (let step = 0; step < 3; step++) await advance(100);
    expect(admitted()).toHaveLength(7);
  });

  it("halves once for one overload, and comes back one by one", () => {
    const { clock, advance } = heldClock();
    const limiter = createLimiter({ maxInFlight: 16 }, clock);
    const finish = (throttled: boolean): void => {
      void limiter.acquire();
      limiter.release(throttled);
    };

    for (let answer = 0; answer < 10; answer++) finish(true);
    expect(limiter.allowed).toBe(8);
    void advance(1_000);
    finish(true);
    expect(limiter.allowed).toBe(4);
    for (let answer = 0; answer < 5; answer++) finish(false);
    expect(limiter.allowed).toBe(5);
    for (let answer = 0; answer < 500; answer++) finish(false);
    expect(limiter.allowed).toBe(16);
  });

  it("never falls below one", async () => {
    const { clock, advance } = heldClock();
    const limiter = createLimiter({ maxInFlight: 2 }, clock);
    for (let answer = 0; answer < 9; answer++) {
      void limiter.acquire();
      limiter.release(true);
      await advance(1_000);
    }

    expect(limiter.allowed).toBe(1);
    expect(limiter.acquire()).toBeUndefined();
  });

  it("lets nobody in during a pause", async () => {
    const { clock, advance } = heldClock();
    const limiter = createLimiter({ maxInFlight: 4 }, clock);
    limiter.pauseFor(2_000);
    const admitted = ask(limiter, 2);

    await advance(1_900);
    expect(admitted()).toEqual([]);
    await advance(200);
    expect(admitted()).toEqual([0, 1]);
  });

  it("forgets who has given up, and gives the place to the next", async () => {
    const limiter = createLimiter({ maxInFlight: 1 }, heldClock().clock);
    void limiter.acquire();
    const stop = new AbortController();
    const impatient = limiter.acquire(stop.signal);
    const admitted = ask(limiter, 1);

    stop.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    limiter.release(false);
    await settled();

    expect(admitted()).toEqual([0]);
  });
});
