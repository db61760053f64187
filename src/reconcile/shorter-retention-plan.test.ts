import { describe, expect, it } from "vitest";
import type { BackupPolicySpec, Schedule } from "../api/kinds.generated.ts";
import type { RetentionInput } from "../backup/retention-plan.ts";
import type { GuardedBackup } from "./retention-breaker-plan.ts";
import { shorterRetention } from "./shorter-retention-plan.ts";

const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 10, 26, 12);
const POLICY = { namespace: "holdfast", name: "shop" };

type Rules = Partial<Schedule>;

function policy(...schedules: readonly Rules[]): BackupPolicySpec {
  return { schedules: schedules.map((rules) => ({ name: "daily", cron: "@daily", ttl: "24h", ...rules })) };
}

/** One backup a day for so many days, of a schedule under a keep rule: the older ones are past their day. */
function backups(days: number, more: Partial<GuardedBackup> = {}): GuardedBackup[] {
  return Array.from({ length: days }, (_, day) => {
    const startedMs = NOW - day * DAY - DAY / 2;
    return {
      key: { namespace: "holdfast", name: `shop-daily-${day}` },
      uid: `${day}`,
      location: { namespace: "holdfast", name: "main" },
      wasDue: false,
      phase: "Completed",
      cluster: "main",
      series: { policy: POLICY, schedule: "daily" },
      startedMs,
      startedWallMs: startedMs,
      ttl: "24h",
      expirationMs: undefined,
      isReachable: true,
      inUseBy: undefined,
      ...more,
    };
  });
}

function said(
  before: BackupPolicySpec | undefined,
  after: BackupPolicySpec | undefined,
  of: GuardedBackup[],
): string[] {
  const input = (spec: BackupPolicySpec | undefined): RetentionInput<GuardedBackup> => ({
    backups: of,
    rulesOf: ({ schedule }) => spec?.schedules.find(({ name }) => name === schedule),
    cluster: "main",
    nowMs: NOW,
  });
  return shorterRetention(before, after, {
    now: input(before),
    after: input(after),
    isPolicyAfter: () => after !== undefined,
  });
}

function heldBack(backups: string, why: string, owner = "BackupPolicy holdfast/shop"): string {
  return `held back: ${backups} would stay until holdfast.dev/allow-deletions on ${owner} allows it (${why})`;
}

describe("retention that would delete sooner", () => {
  const rows: [
    what: string,
    before: Rules | undefined,
    after: Rules | undefined,
    of: GuardedBackup[],
    said: string[],
  ][] = [
    ["the same rules", { keepLast: 5 }, { keepLast: 5 }, backups(9), []],
    ["more of everything", { keepLast: 5 }, { keepLast: 6, ttl: "0s", keepDaily: 2 }, backups(5), []],
    [
      "a smaller keepLast",
      { keepLast: 5 },
      { keepLast: 2 },
      backups(9),
      [
        "schedule daily: keepLast 2, until now 5; 3 backups kept now would be deleted",
        heldBack("3 backups", "7 deletions are more than half of 9"),
      ],
    ],
    [
      "a smaller keepLast of which nothing has come yet",
      { keepLast: 5 },
      { keepLast: 3 },
      backups(2),
      ["schedule daily: keepLast 3, until now 5"],
    ],
    [
      "a rule that goes, where another keeps the same",
      { keepLast: 4, keepDaily: 4 },
      { keepDaily: 4 },
      backups(4),
      ["schedule daily: keepLast none, until now 4"],
    ],
    [
      "one day less",
      { keepDaily: 7, keepMonthly: 1 },
      { keepDaily: 6, keepMonthly: 1 },
      backups(7),
      ["schedule daily: keepDaily 6, until now 7; 1 backup kept now would be deleted"],
    ],
    [
      "every rule that goes",
      { keepHourly: 3, keepWeekly: 2, keepYearly: 1 },
      {},
      backups(6),
      [
        "schedule daily: keepHourly none, until now 3; keepWeekly none, until now 2; keepYearly none, until now 1; 3 backups kept now would be deleted",
        heldBack("3 backups", "5 deletions are more than half of 6"),
      ],
    ],
    [
      "a shorter ttl, which is one of new backups",
      { ttl: "720h" },
      { ttl: "24h" },
      backups(9, { ttl: "720h" }),
      ["schedule daily: new backups are kept for 24h, until now it was 720h"],
    ],
    [
      "for ever no more",
      { ttl: "0s" },
      { ttl: "24h" },
      [],
      ["schedule daily: new backups are kept for 24h, until now it was 0s"],
    ],
    [
      "a policy that goes: what a rule kept stays, what has an end of its own goes then",
      { keepLast: 9 },
      undefined,
      [...backups(4), ...backups(2, { key: { namespace: "holdfast", name: "promised" }, expirationMs: NOW - 1 })],
      ["schedule daily: it is gone: no more backups of it are made; 2 backups kept now would be deleted"],
    ],
    [
      "a policy that comes back with fewer",
      undefined,
      { keepLast: 1 },
      backups(3),
      [
        "schedule daily: 2 backups kept now would be deleted",
        heldBack("2 backups", "2 deletions are more than half of 3"),
      ],
    ],
    [
      "a policy that goes with most of what its location has",
      { keepLast: 9 },
      undefined,
      backups(5, { expirationMs: NOW - DAY }),
      [
        "schedule daily: it is gone: no more backups of it are made; 4 backups kept now would be deleted",
        heldBack("4 backups", "4 deletions are more than half of 5", "BackupStorageLocation holdfast/main"),
      ],
    ],
    [
      "what expires at its own pace is held back by nothing",
      { keepLast: 9 },
      undefined,
      backups(5, { expirationMs: NOW - 1 }),
      ["schedule daily: it is gone: no more backups of it are made; 4 backups kept now would be deleted"],
    ],
    [
      "what a restore needs",
      { keepLast: 3 },
      { keepLast: 1 },
      backups(3, { inUseBy: "undo" }),
      ["schedule daily: keepLast 1, until now 3"],
    ],
  ];

  it.each(rows)("%s", (_what, before, after, of, expected) => {
    expect(said(before && policy(before), after && policy(after), of)).toEqual(expected);
  });

  it("is told of each schedule by itself", () => {
    const before = policy({ keepLast: 5 }, { name: "weekly", cron: "@weekly", keepLast: 2 });
    const after = policy({ keepLast: 4 });
    const weekly = backups(2, { series: { policy: POLICY, schedule: "weekly" } });

    expect(said(before, after, [...backups(5), ...weekly])).toEqual([
      "schedule daily: keepLast 4, until now 5; 1 backup kept now would be deleted",
      "schedule weekly: it is gone: no more backups of it are made",
    ]);
  });
});
