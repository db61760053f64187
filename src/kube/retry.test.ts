import { describe, expect, it } from "vitest";
import { type RetryState, retryDelayMs } from "./retry.ts";
import type { HttpOutcome } from "./transport.ts";

const LIMITS = { retryForMs: 60_000, firstContactMs: 5_000 };
const STATE: RetryState = { failures: 1, elapsedMs: 0, contacted: true, repeatable: true, isWrite: false, random: 0.5 };

function answered(status: number, headers: Record<string, string> = {}): HttpOutcome {
  return { type: "answered", status, headers, body: Buffer.alloc(0) };
}

function lost(why: "connect" | "certificate" | "reset" | "timeout" | "tooLarge", sent: boolean): HttpOutcome {
  return { type: "lost", why, sent, cause: new Error(why) };
}

describe("retryDelayMs", () => {
  it.each<[string, HttpOutcome, Partial<RetryState>, boolean]>([
    ["429 on a write", answered(429), { repeatable: false }, true],
    ["503 on a write", answered(503), { repeatable: false }, false],
    ["503 on a read", answered(503), {}, true],
    ["500 on a read, first", answered(500), {}, true],
    ["500 on a read, fourth", answered(500), { failures: 4 }, false],
    ["500 on a write, second", answered(500), { failures: 2, isWrite: true }, false],
    ["404", answered(404), {}, false],
    ["410", answered(410), {}, false],
    ["an unsent write", lost("connect", false), { repeatable: false }, true],
    ["a write cut off", lost("reset", true), { repeatable: false }, false],
    ["a read cut off", lost("reset", true), {}, true],
    ["an untrusted certificate", lost("certificate", false), {}, false],
    ["a read over the size", lost("tooLarge", true), {}, false],
    ["no answer for too long", lost("connect", false), { elapsedMs: 60_000 }, false],
    ["a server never heard of", lost("connect", false), { elapsedMs: 5_000, contacted: false }, false],
  ])("%s", (_name, outcome, state, retried) => {
    expect(retryDelayMs(outcome, { ...STATE, ...state }, LIMITS) !== undefined).toBe(retried);
  });

  it("never comes back before Retry-After", () => {
    for (const random of [0, 0.5, 0.999]) {
      expect(retryDelayMs(answered(429, { "retry-after": "7" }), { ...STATE, random }, LIMITS)).toBeGreaterThanOrEqual(
        7_000,
      );
    }
  });

  it("spreads its waits over the whole interval, which doubles up to a limit", () => {
    const longest = (failures: number) => retryDelayMs(lost("reset", true), { ...STATE, failures, random: 1 }, LIMITS);

    expect([1, 2, 3, 20].map(longest)).toEqual([200, 400, 800, 8_000]);
    expect(retryDelayMs(lost("reset", true), { ...STATE, random: 0 }, LIMITS)).toBe(0);
  });
});
