import { describe, expect, it } from "vitest";
import { type KeepRules, keptByRules } from "./keep-rules-plan.ts";

/** Backups at these wall times, newest first. */
function at(
  times: readonly string[],
): { readonly name: string; readonly phase: string; readonly startedWallMs: number }[] {
  return times.map((time) => ({ name: time, phase: "Completed", startedWallMs: Date.parse(`${time}Z`) }));
}

describe("keep rules", () => {
  const rows: [name: string, times: string[], rules: KeepRules, kept: string[]][] = [
    ["no rule keeps nothing", ["2026-11-25T10:00"], {}, []],
    [
      "keepLast",
      ["2026-11-25T10:00", "2026-11-25T09:00", "2026-11-25T08:00"],
      { keepLast: 2 },
      ["2026-11-25T10:00", "2026-11-25T09:00"],
    ],
    [
      "the newest of an hour",
      ["2026-11-25T10:50", "2026-11-25T10:10", "2026-11-25T09:59", "2026-11-25T08:00"],
      { keepHourly: 2 },
      ["2026-11-25T10:50", "2026-11-25T09:59"],
    ],
    [
      "the newest of a day",
      ["2026-11-25T00:00", "2026-11-24T23:59", "2026-11-24T00:00", "2026-11-23T12:00"],
      { keepDaily: 2 },
      ["2026-11-25T00:00", "2026-11-24T23:59"],
    ],
    [
      "days without one don't count",
      ["2026-11-25T00:00", "2026-11-01T00:00", "2026-10-01T00:00"],
      { keepDaily: 2 },
      ["2026-11-25T00:00", "2026-11-01T00:00"],
    ],
    [
      "a week ends on Sunday",
      ["2026-11-23T00:00", "2026-11-22T23:59", "2026-11-16T00:00", "2026-11-15T23:59"],
      { keepWeekly: 2 },
      ["2026-11-23T00:00", "2026-11-22T23:59"],
    ],
    [
      "a week goes over the end of a year",
      ["2027-01-03T23:00", "2026-12-28T01:00", "2026-12-27T23:00", "2026-12-01T00:00"],
      { keepWeekly: 2 },
      ["2027-01-03T23:00", "2026-12-27T23:00"],
    ],
    [
      "the newest of a month",
      ["2026-03-01T00:00", "2026-02-28T23:59", "2026-02-01T00:00", "2026-01-31T00:00"],
      { keepMonthly: 2 },
      ["2026-03-01T00:00", "2026-02-28T23:59"],
    ],
    [
      "a leap day is a day",
      ["2028-03-01T00:00", "2028-02-29T00:00", "2028-02-28T00:00"],
      { keepDaily: 2 },
      ["2028-03-01T00:00", "2028-02-29T00:00"],
    ],
    [
      "the newest of a year",
      ["2026-11-25T00:00", "2026-01-01T00:00", "2025-12-31T00:00", "2024-06-01T00:00"],
      { keepYearly: 2 },
      ["2026-11-25T00:00", "2025-12-31T00:00"],
    ],
    [
      "while there are fewer, the oldest stays too",
      ["2026-11-25T00:00", "2026-11-03T00:00", "2026-11-02T00:00"],
      { keepMonthly: 3 },
      ["2026-11-25T00:00", "2026-11-02T00:00"],
    ],
    [
      "times before 1970",
      ["1970-01-01T00:00", "1969-12-31T23:59", "1969-12-29T00:00", "1969-12-28T00:00"],
      { keepWeekly: 1 },
      ["1970-01-01T00:00"],
    ],
    [
      "rules add up",
      ["2026-11-25T10:00", "2026-11-25T09:00", "2026-10-31T00:00", "2026-10-30T00:00"],
      { keepLast: 1, keepMonthly: 2 },
      ["2026-11-25T10:00", "2026-10-31T00:00"],
    ],
  ];
  it.each(rows)("%s", (_name, times, rules, expected) => {
    const kept = new Set(keptByRules(at(times), rules).map(({ backup }) => backup.name));

    expect([...kept].sort()).toEqual([...expected].sort());
  });

  it("names a backup once for each rule that keeps it", () => {
    const kept = keptByRules(at(["2026-11-25T10:00"]), { keepLast: 1, keepHourly: 1, keepYearly: 1 });

    expect(kept.map(({ rule, text }) => `${rule}: ${text}`)).toEqual([
      "KeepLast: number 1 of keepLast 1",
      "KeepHourly: hour 1 of keepHourly 1",
      "KeepYearly: year 1 of keepYearly 1",
    ]);
  });
});
