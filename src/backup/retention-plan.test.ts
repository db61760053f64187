import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeepRules } from "./keep-rules-plan.ts";
import { type RetainedBackup, retentionPlan } from "./retention-plan.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 25, 12);
const SERIES = { policy: { namespace: "holdfast", name: "shop" }, schedule: "daily" };

/** A good backup of the schedule, so many days old, kept for one day. */
function backup(name: string, daysOld: number, more: Partial<RetainedBackup> = {}): RetainedBackup {
  const startedMs = NOW - daysOld * DAY;
  const base = {
    key: { namespace: "holdfast", name },
    phase: "Completed",
    cluster: "main",
    series: SERIES,
    startedMs,
    startedWallMs: startedMs,
    ttl: "24h",
    expirationMs: startedMs + DAY,
    isReachable: true,
    inUseBy: undefined,
  };
  return { ...base, ...more };
}

/** `name: rules that keep it`, or `name: -` for one that goes. */
function decide(backups: readonly RetainedBackup[], rules: KeepRules | undefined): string[] {
  return retentionPlan({ backups, rulesOf: () => rules, cluster: "main", nowMs: NOW }).map(
    ({ backup: { key }, action, reasons }) =>
      `${key.name}: ${action === "delete" ? "-" : reasons.map(({ rule }) => rule).join(" ")}`,
  );
}

const newest = backup("newest", 0.1);
const unwritten = { expirationMs: undefined };
const alone = { series: undefined };

describe("retention", () => {
  const rows: [name: string, backups: RetainedBackup[], rules: KeepRules | undefined, expected: string[]][] = [
    [
      "a ttl that is not over keeps",
      [newest, backup("young", 0.9)],
      {},
      ["newest: NotExpired LastGood", "young: NotExpired"],
    ],
    ["a ttl that is over does not", [newest, backup("old", 1)], {}, ["newest: NotExpired LastGood", "old: -"]],
    [
      "0s is for ever",
      [newest, backup("eternal", 900, { ttl: "0s", ...unwritten })],
      {},
      ["newest: NotExpired LastGood", "eternal: Forever"],
    ],
    ["the newest good one stays, whatever its ttl", [backup("a", 90), backup("b", 91)], {}, ["a: LastGood", "b: -"]],
    [
      "a partial failure after it takes nothing from it",
      [backup("part", 80, { phase: "PartiallyFailed" }), backup("good", 90)],
      {},
      ["part: -", "good: LastGood"],
    ],
    [
      "where nothing is good, the newest that can be restored stays",
      [backup("b", 91, { phase: "PartiallyFailed" }), backup("a", 90, { phase: "PartiallyFailed" })],
      {},
      ["b: -", "a: LastGood"],
    ],
    [
      "one behind a location that can't be reached does not count alone",
      [backup("away", 80, { isReachable: false }), backup("here", 90), backup("older", 91)],
      {},
      ["away: LastGood", "here: LastGood", "older: -"],
    ],
    [
      "a failed one goes when its time is over",
      [newest, backup("failed", 2, { phase: "Failed", ...unwritten })],
      {},
      ["newest: NotExpired LastGood", "failed: -"],
    ],
    [
      "one that a restore uses stays",
      [newest, backup("used", 9, { inUseBy: "undo" })],
      {},
      ["newest: NotExpired LastGood", "used: InUse"],
    ],
    [
      "one that runs stays",
      [newest, backup("running", 9, { phase: "InProgress" })],
      {},
      ["newest: NotExpired LastGood", "running: NotEnded"],
    ],
    [
      "one that is being deleted is not decided again",
      [newest, backup("dying", 9, { phase: "Deleting" })],
      {},
      ["newest: NotExpired LastGood", "dying: NotEnded"],
    ],
    [
      "another cluster's stays, and keeps none of ours",
      [backup("theirs", 8, { cluster: "other" }), backup("ours", 9)],
      {},
      ["theirs: OtherCluster", "ours: LastGood"],
    ],
    ["Velero's stays", [backup("velero", 9, { cluster: undefined, ...alone })], {}, ["velero: OtherCluster"]],
    ["a backup on demand goes by its own ttl alone", [backup("manual", 2, alone)], {}, ["manual: -"]],
    [
      "nobody knows the ttl: it stays",
      [backup("bare", 900, { ttl: undefined, ...unwritten, ...alone })],
      {},
      ["bare: TtlUnknown"],
    ],
    [
      "its own promise counts, whatever its policy says today",
      [newest, backup("long", 9, { expirationMs: NOW + 1 })],
      {},
      ["newest: NotExpired LastGood", "long: NotExpired"],
    ],
    [
      "a lost schedule leaves what a rule kept",
      [newest, backup("ruled", 9, unwritten), backup("timed", 9)],
      undefined,
      ["newest: NotExpired LastGood", "ruled: ScheduleGone", "timed: -"],
    ],
    [
      "a rule that was taken out of a schedule keeps nothing",
      [newest, backup("ruled", 9, unwritten)],
      {},
      ["newest: NotExpired LastGood", "ruled: -"],
    ],
    [
      "keepLast counts the newest",
      [newest, backup("b", 8), backup("c", 9)],
      { keepLast: 2 },
      ["newest: NotExpired LastGood KeepLast", "b: KeepLast", "c: -"],
    ],
    [
      "what a ttl still keeps counts among the last",
      [newest, backup("young", 0.5), backup("c", 9)],
      { keepLast: 2 },
      ["newest: NotExpired LastGood KeepLast", "young: NotExpired KeepLast", "c: -"],
    ],
    [
      "partial failures drive no good one out",
      [backup("p2", 7, { phase: "PartiallyFailed" }), backup("p1", 8, { phase: "PartiallyFailed" }), backup("good", 9)],
      { keepLast: 1 },
      ["p2: KeepLast", "p1: -", "good: LastGood KeepLast"],
    ],
    [
      "failed ones are not counted",
      [backup("f", 8, { phase: "Failed" }), backup("good", 9)],
      { keepLast: 1 },
      ["f: -", "good: LastGood KeepLast"],
    ],
    [
      "another schedule's rules are its own",
      [newest, backup("other", 9, { series: { ...SERIES, schedule: "hourly" } })],
      {},
      ["newest: NotExpired LastGood", "other: LastGood"],
    ],
  ];
  it.each(rows)("%s", (_name, backups, rules, expected) => {
    expect(decide(backups, rules)).toEqual(expected);
  });

  it("says why in words, and when the time is over", () => {
    const [kept, gone] = retentionPlan({
      backups: [newest, backup("old", 2)],
      rulesOf: () => ({ keepDaily: 1 }),
      cluster: "main",
      nowMs: NOW,
    });

    expect(kept?.reasons.map(({ text }) => text)).toEqual([
      "it expires at 2026-11-26T09:36:00Z",
      "the newest good backup of holdfast/shop daily",
      "day 1 of keepDaily 1",
    ]);
    expect(gone).toMatchObject({
      reasons: [{ text: "its time was over at 2026-11-24T12:00:00Z" }],
      expiresMs: NOW - DAY,
    });
  });

  it("twice is once: what a plan leaves, the next plan at that time keeps", () => {
    const age = fc.integer({ min: 0, max: 4000 });
    const rule = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
    const rules = fc.record({
      keepLast: rule,
      keepHourly: rule,
      keepDaily: rule,
      keepWeekly: rule,
      keepMonthly: rule,
      keepYearly: rule,
    });
    const phase = fc.constantFrom("Completed", "Completed", "PartiallyFailed", "Failed");
    fc.assert(
      fc.property(fc.array(fc.tuple(age, phase), { maxLength: 60 }), rules, (ages, drawn) => {
        const keeps = Object.fromEntries(Object.entries(drawn).filter(([, count]) => count !== undefined)) as KeepRules;
        const backups = ages.map(([hours, each], at) => backup(`b${at}`, hours / 24, { phase: each }));
        const plan = (given: readonly RetainedBackup[]) =>
          retentionPlan({ backups: given, rulesOf: () => keeps, cluster: "main", nowMs: NOW });
        const left = plan(backups)
          .filter(({ action }) => action === "keep")
          .map((verdict) => verdict.backup);

        expect(plan(left).filter(({ action }) => action === "delete")).toEqual([]);
        if (backups.some((each) => each.phase === "Completed"))
          expect(left.some((each) => each.phase === "Completed")).toBe(true);
      }),
    );
  });
});
