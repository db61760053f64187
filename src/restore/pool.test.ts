import { describe, expect, it } from "vitest";
import { createWorkPool } from "./pool.ts";

/** A server in virtual time: each task takes `latencyMs`, and no more than `perSecond` are done a second. */
async function simulate(
  server: { readonly latencyMs: number; readonly perSecond: number },
  { max, tasks }: { readonly max: number; readonly tasks: number },
): Promise<{ readonly ms: number; readonly limit: number; readonly most: number }> {
  let now = 0;
  let free = 0;
  let most = 0;
  const due: { readonly at: number; readonly end: () => void }[] = [];
  const pool = createWorkPool(max, () => now);
  const task = (): Promise<void> =>
    new Promise((resolve) => {
      free = Math.max(free, now) + 1_000 / server.perSecond;
      due.push({ at: Math.max(free, now + server.latencyMs), end: resolve });
      most = Math.max(most, due.length);
    });
  const isDone = (async () => {
    for (let started = 0; started < tasks; started++) await pool.start(task);
    await pool.drain();
    return true;
  })();
  for (let done: boolean | undefined; done !== true; ) {
    done = await Promise.race([isDone, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
    const next = due.sort((a, b) => a.at - b.at).shift();
    if (next === undefined) continue;
    now = next.at;
    next.end();
  }
  return { ms: now, limit: pool.limit, most };
}

describe("a pool of work", () => {
  it("goes to its bound where more at once gets more done", async () => {
    const { limit } = await simulate({ latencyMs: 100, perSecond: 10_000 }, { max: 32, tasks: 1_000 });

    expect(limit).toBe(32);
  });

  it("does not load a server that has enough to do already", async () => {
    const server = { latencyMs: 5, perSecond: 300 };

    const { limit, ms } = await simulate(server, { max: 32, tasks: 3_000 });

    expect(limit).toBeLessThanOrEqual(20);
    expect(ms).toBeLessThan((3_000 / server.perSecond) * 1_000 * 1.02);
  });

  it("never has more under way than its bound, and runs with a bound of one", async () => {
    expect((await simulate({ latencyMs: 10, perSecond: 1_000 }, { max: 8, tasks: 200 })).most).toBe(8);
    expect((await simulate({ latencyMs: 10, perSecond: 1_000 }, { max: 1, tasks: 20 })).most).toBe(1);
  });

  it("tells the first failure to whoever starts next or drains, and starts nothing more", async () => {
    const pool = createWorkPool(4, () => 0);
    const broken = new Error("broken");

    await pool.start(async () => {
      throw broken;
    });

    await expect(pool.drain()).rejects.toBe(broken);
    await expect(pool.start(async () => {})).rejects.toBe(broken);
  });
});
