import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DueInput, due, intervalMs, upcomingSlots } from "./due.ts";

const at = Date.parse;
const DAILY: Omit<DueInput, "nowMs"> = {
  cron: "0 3 * * *",
  timeZone: "UTC",
  createdMs: at("2026-01-01T12:00:00Z"),
  catchUp: true,
  firstRun: "Slot",
};

/** The outcome with its times readable. */
function when(input: DueInput): string {
  const outcome = due(input);
  const text = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
  if (outcome.type === "suspended") return "suspended";
  if (outcome.type === "invalid") return `invalid: ${outcome.message}`;
  return `${outcome.type} ${text(outcome.type === "wait" ? outcome.atMs : outcome.slotMs)}`;
}

describe("due", () => {
  const rows: readonly (readonly [what: string, change: Partial<DueInput>, now: string, expected: string])[] = [
    ["a new schedule waits for its first slot", {}, "2026-01-01T12:00:00Z", "wait 2026-01-02T03:00:00"],
    ["the slot itself is due", {}, "2026-01-02T03:00:00Z", "due 2026-01-02T03:00:00"],
    ["a second before it is not", {}, "2026-01-02T02:59:59Z", "wait 2026-01-02T03:00:00"],
    [
      "once run, it waits",
      { lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-02T03:00:05Z",
      "wait 2026-01-03T03:00:00",
    ],
    [
      "a missed slot runs late",
      { lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-03T17:00:00Z",
      "due 2026-01-03T03:00:00",
    ],
    [
      "three days missed are one run",
      { lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-06T01:00:00Z",
      "due 2026-01-05T03:00:00",
    ],
    [
      "without catchUp it is given up",
      { catchUp: false, lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-03T17:00:00Z",
      "missed 2026-01-03T03:00:00",
    ],
    [
      "without catchUp a minute late still runs",
      { catchUp: false, lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-03T03:01:00Z",
      "due 2026-01-03T03:00:00",
    ],
    [
      "firstRun Immediate runs at creation",
      { firstRun: "Immediate" },
      "2026-01-01T12:00:00Z",
      "due 2026-01-01T12:00:00",
    ],
    [
      "firstRun Immediate is named by creation, however late",
      { firstRun: "Immediate" },
      "2026-01-01T12:07:31Z",
      "due 2026-01-01T12:00:00",
    ],
    [
      "firstRun Immediate does not need catchUp",
      { firstRun: "Immediate", catchUp: false },
      "2026-01-03T12:00:00Z",
      "due 2026-01-01T12:00:00",
    ],
    [
      "firstRun Immediate is once",
      { firstRun: "Immediate", lastSlotMs: at("2026-01-01T12:00:00Z") },
      "2026-01-01T12:10:00Z",
      "wait 2026-01-02T03:00:00",
    ],
    ["suspended runs nothing", { suspended: true }, "2026-01-05T03:00:00Z", "suspended"],
    [
      "taken up again, what passed is not made up",
      { resumedMs: at("2026-01-05T10:00:00Z"), lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-05T10:00:01Z",
      "wait 2026-01-06T03:00:00",
    ],
    [
      "taken up again, Immediate does not fire",
      { resumedMs: at("2026-01-05T10:00:00Z"), firstRun: "Immediate" },
      "2026-01-05T10:00:01Z",
      "wait 2026-01-06T03:00:00",
    ],
    ["a run that goes on blocks", { isBlocked: true }, "2026-01-02T03:00:00Z", "blocked 2026-01-02T03:00:00"],
    ["when it ends, the slot runs late", { isBlocked: false }, "2026-01-02T08:00:00Z", "due 2026-01-02T03:00:00"],
    [
      "a clock set back a little repeats nothing",
      { lastSlotMs: at("2026-01-02T03:00:00Z") },
      "2026-01-02T02:59:58Z",
      "wait 2026-01-03T03:00:00",
    ],
    [
      "a last slot far ahead does not stop the series",
      { lastSlotMs: at("2027-01-02T03:00:00Z") },
      "2026-01-02T02:00:00Z",
      "wait 2026-01-02T03:00:00",
    ],
    ["@every counts from creation", { cron: "@every 1h30m" }, "2026-01-01T13:29:59Z", "wait 2026-01-01T13:30:00"],
    [
      "@every counts from the last slot",
      { cron: "@every 1h30m", lastSlotMs: at("2026-01-01T13:30:00Z") },
      "2026-01-01T15:00:00Z",
      "due 2026-01-01T15:00:00",
    ],
    [
      "@every missed several times runs once",
      { cron: "@every 1h", lastSlotMs: at("2026-01-01T13:00:00Z") },
      "2026-01-03T13:20:00Z",
      "due 2026-01-03T13:00:00",
    ],
    [
      "the line's own zone wins",
      { cron: "CRON_TZ=Asia/Tokyo 0 3 * * *", timeZone: "Europe/Berlin" },
      "2026-01-01T12:00:00Z",
      "wait 2026-01-01T18:00:00",
    ],
    [
      "a line that can't be read",
      { cron: "0 3 * *" },
      "2026-01-01T12:00:00Z",
      "invalid: expected exactly 5 fields (minute hour day-of-month month day-of-week), found 4",
    ],
  ];

  it.each(rows)("%s", (_what, change, now, expected) => {
    expect(when({ ...DAILY, ...change, nowMs: at(now) })).toBe(expected);
  });

  it("is asked for the one run of a slot by any number of replicas", () => {
    const first = due({ ...DAILY, nowMs: at("2026-01-02T03:00:01Z") });
    const second = due({ ...DAILY, nowMs: at("2026-01-02T03:00:59Z") });

    expect(second).toEqual(first);
  });
});

describe("jitter", () => {
  const jittered: DueInput = {
    ...DAILY,
    jitterMs: 3_600_000,
    jitterSeed: "c/ns/p/s",
    nowMs: at("2026-01-02T03:00:00Z"),
  };

  it("puts the run off by the same amount wherever it is asked, and keeps the slot's time", () => {
    const waiting = due(jittered);
    if (waiting.type !== "wait") throw new Error(waiting.type);
    const then = due({ ...jittered, nowMs: waiting.atMs });

    expect(waiting.atMs - at("2026-01-02T03:00:00Z")).toBeGreaterThan(0);
    expect(waiting.atMs - at("2026-01-02T03:00:00Z")).toBeLessThan(3_600_000);
    expect(then).toMatchObject({ type: "due", slotMs: at("2026-01-02T03:00:00Z") });
  });

  it("differs between schedules", () => {
    const offsets = ["a", "b", "c", "d"].map((jitterSeed) => when({ ...jittered, jitterSeed }));

    expect(new Set(offsets).size).toBeGreaterThan(1);
  });

  it("longer than the interval starves nothing", () => {
    const run = due({ ...jittered, cron: "@every 1m", jitterMs: 86_400_000, nowMs: at("2026-01-02T03:00:59Z") });

    expect(["due", "wait"]).toContain(run.type);
    if (run.type === "wait") expect(run.atMs).toBeLessThanOrEqual(at("2026-01-02T03:01:00Z") + 60_000);
  });
});

describe("a simulated stretch of time", () => {
  it("runs every slot once and in order, whatever the pace of the loop and the outages", () => {
    const lines = fc.constantFrom("0 3 * * *", "*/20 * * * *", "0 */6 * * *", "@every 47m", "30 2 * * *", "0 0 1 * *");
    const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
    const paces = fc.array(fc.integer({ min: 1, max: 36 * 3600 }), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(lines, zones, paces, (cron, timeZone, seconds) => {
        const createdMs = at("2026-03-20T00:00:00Z");
        let [nowMs, lastSlotMs]: [number, number | undefined] = [createdMs, undefined];
        for (const pause of seconds) {
          nowMs += pause * 1000;
          const outcome = due({ ...DAILY, cron, timeZone, createdMs, lastSlotMs, nowMs });
          if (outcome.type === "due") {
            expect(outcome.slotMs).toBeGreaterThan(lastSlotMs ?? createdMs);
            expect(outcome.slotMs).toBeLessThanOrEqual(nowMs);
            expect(outcome.nextMs).toBeGreaterThan(nowMs);
            lastSlotMs = outcome.slotMs;
          } else {
            expect(outcome).toMatchObject({ type: "wait" });
          }
        }
      }),
      { numRuns: 60 },
    );
  }, 240_000);
});

describe("what people see", () => {
  it("names the next slots", () => {
    const input = { cron: "@monthly", timeZone: "UTC", createdMs: 0, nowMs: at("2026-01-15T00:00:00Z") };

    expect(upcomingSlots(input, 2).map((ms) => new Date(ms).toISOString())).toEqual([
      "2026-02-01T00:00:00.000Z",
      "2026-03-01T00:00:00.000Z",
    ]);
    expect(intervalMs(input)).toBe(28 * 86_400_000);
  });

  it("has nothing to say of an invalid line", () => {
    const input = { cron: "@never", timeZone: "UTC", createdMs: 0, nowMs: 0 };

    expect(upcomingSlots(input, 2)).toEqual([]);
    expect(intervalMs(input)).toBeUndefined();
  });
});
