import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { backoffMs, createWorkQueue, DEFAULT_BACKOFF, type WorkQueue } from "./queue.ts";
import { DONE, type Result, requeue } from "./result.ts";

function queueOf(
  reconcile: (key: string) => Promise<Result>,
  workers = 2,
): { queue: WorkQueue; failures: { key: string; retryMs: number }[] } {
  const failures: { key: string; retryMs: number }[] = [];
  const queue = createWorkQueue({
    clock: systemClock,
    workers,
    reconcile,
    random: () => 0,
    backoff: { firstMs: 4, longestMs: 16 },
    onFailure: (key, _error, retryMs) => failures.push({ key, retryMs }),
  });
  return { queue, failures };
}

describe("the workqueue", () => {
  it("works on a key once however often it is added while it waits", async () => {
    const seen: string[] = [];
    const { queue } = queueOf(async (key) => {
      seen.push(key);
      await Promise.resolve();
      return DONE;
    }, 1);

    for (const key of ["a", "b", "b", "b"]) queue.add(key);
    await queue.idle();

    expect(seen).toEqual(["a", "b"]);
  });

  it("works again on a key that changed while it was worked on, and never twice at once", async () => {
    let atOnce = 0;
    let most = 0;
    let rounds = 0;
    const { queue } = queueOf(async (key) => {
      most = Math.max(most, ++atOnce);
      if (++rounds === 1) queue.add(key);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      return DONE;
    });

    queue.add("a");
    await queue.idle();

    expect([rounds, most]).toEqual([2, 1]);
  });

  it("keeps to its number of workers", async () => {
    let atOnce = 0;
    let most = 0;
    const { queue } = queueOf(async () => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      return DONE;
    }, 3);

    for (let at = 0; at < 20; at++) queue.add(`key-${at}`);
    await queue.idle();

    expect(most).toBe(3);
  });

  it("tries a failed key again with a growing delay, and starts over after a success", async () => {
    let calls = 0;
    const done = Promise.withResolvers<void>();
    const { queue, failures } = queueOf(async () => {
      calls++;
      if (calls <= 4) throw new Error("not yet");
      done.resolve();
      return await Promise.resolve(DONE);
    });

    queue.add("a");
    await done.promise;

    expect(failures.map(({ retryMs }) => retryMs)).toEqual([2, 4, 8, 8]);
  });

  it("comes back when a result says so, and not after it was closed", async () => {
    let calls = 0;
    const alarms: (() => void)[] = [];
    const queue = createWorkQueue({
      // an alarm that goes off although it was cancelled is the worst there can be
      clock: { ...systemClock, sleep: (_ms) => new Promise((resolve) => void alarms.push(resolve)) },
      workers: 1,
      random: () => 0,
      reconcile: async () => {
        calls++;
        return await Promise.resolve(requeue(30_000));
      },
      onFailure: () => {},
    });
    const ring = async (): Promise<void> => {
      alarms.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      await queue.idle();
    };

    queue.add("a");
    await queue.idle();
    await ring();
    expect([calls, alarms.length]).toEqual([2, 1]);

    await queue.close();
    await ring();
    expect([calls, alarms.length]).toEqual([2, 0]);
  });
});

describe("a queue that is closed in the middle of its work", () => {
  it("makes no appointment any more: a timer would keep the process alive", async () => {
    const slept: number[] = [];
    const begun = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const queue = createWorkQueue({
      clock: { ...systemClock, sleep: async (ms) => void slept.push(ms) },
      workers: 1,
      random: () => 0,
      reconcile: async () => {
        begun.resolve();
        await mayEnd.promise;
        return requeue(30_000);
      },
      onFailure: () => {},
    });

    queue.add("a");
    await begun.promise;
    const closed = queue.close();
    mayEnd.resolve();
    await closed;

    expect(slept).toEqual([]);
  });
});

describe("the backoff", () => {
  it("doubles up to its cap and keeps half of it whatever the jitter", () => {
    expect([1, 2, 3, 40].map((failures) => backoffMs(failures, DEFAULT_BACKOFF, 1))).toEqual([250, 500, 1000, 300_000]);
    expect(backoffMs(3, DEFAULT_BACKOFF, 0)).toBe(500);
  });
});
