import { describe, expect, it } from "vitest";
import { retentionPlan } from "../backup/retention-plan.ts";
import {
  type BreakerOwner,
  clockProblem,
  type GuardedBackup,
  planDeletions,
  routineSince,
} from "./retention-breaker-plan.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 25, 12);
const POLICY = { namespace: "holdfast", name: "shop" };
const LOCATION = { namespace: "holdfast", name: "main" };

/** A backup of one hourly schedule that began and expired so many hours ago. */
function backup(begunAgo: number, expiredAgo: number, more: Partial<GuardedBackup> = {}): GuardedBackup {
  const startedMs = NOW - begunAgo * HOUR;
  const name = more.key?.name ?? `b${begunAgo}`;
  const base = {
    key: { namespace: "holdfast", name },
    uid: `uid-${name}`,
    location: LOCATION,
    wasDue: false,
    phase: "Completed",
    cluster: "main",
    series: { policy: POLICY, schedule: "hourly" },
    startedMs,
    startedWallMs: startedMs,
    ttl: "1h",
    expirationMs: NOW - expiredAgo * HOUR,
    isReachable: true,
    inUseBy: undefined,
  };
  return { ...base, ...more };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_each, at) => from + at);
}

interface Setting {
  readonly pauseHours?: number;
  readonly keepLast?: number;
  readonly allowed?: string;
  readonly isPolicy?: boolean;
}

function plan(backups: readonly GuardedBackup[], setting: Setting = {}) {
  const { pauseHours = 1, keepLast, allowed, isPolicy = true } = setting;
  const rules = keepLast === undefined ? {} : { keepLast };
  const verdicts = retentionPlan({ backups, rulesOf: () => rules, cluster: "main", nowMs: NOW });
  return planDeletions({
    verdicts,
    routineSinceMs: routineSince(NOW, pauseHours * HOUR, HOUR),
    isPolicy: () => isPolicy,
    recentOf: () => 0,
    allowedOf: (_owner: BreakerOwner) => allowed,
  });
}

describe("the breaker of retention", () => {
  it("one expired backup an hour is routine, were it the last but one", () => {
    const { routine, held } = plan([backup(1, -24), backup(26, 0.5)]);

    expect([routine.length, held.length]).toEqual([1, 0]);
  });

  it("after three days without Holdfast, what expired meanwhile goes without a question", () => {
    const backups = range(72, 97).map((hours) => backup(hours, hours - 25));

    const { routine, held } = plan([backup(0.1, -24), ...backups], { pauseHours: 72 });

    expect([routine.length, held.length]).toEqual([26, 0]);
  });

  it("a clock that jumps by a year finds everything expired, and wipes nothing", () => {
    const aYear = 8760;
    const backups = range(1, 25).map((hours) => backup(aYear + hours, aYear - 25 + hours));

    const jumped = plan([backup(0.1, -24), ...backups], { pauseHours: aYear });

    expect(jumped.routine.length).toBeLessThanOrEqual(1); // one for the one that was made since
    expect(jumped.held).toMatchObject([{ owner: { kind: "BackupPolicy", key: POLICY }, backups: { length: 24 } }]);
  });

  it("a keep rule that is cut from 30 to 3 is asked about, once", () => {
    const backups = range(1, 30).map((hours) => backup(hours, hours - 1 + 0.5));

    const held = plan(backups, { keepLast: 3 }).held[0];
    const allowed = plan(backups, { keepLast: 3, allowed: held?.digest ?? "" });

    expect(held).toMatchObject({ why: expect.stringContaining("deletions within an hour") });
    expect([allowed.held.length, allowed.judged.length]).toEqual([0, held?.backups.length]);
  });

  it("a keep rule that lets one go for each that comes is routine", () => {
    const hours = range(0, 40).map((twelfths) => twelfths / 12);
    const backups = hours.map((each) =>
      backup(each, each - 1 / 12, { key: { namespace: "holdfast", name: `b${each}` } }),
    );

    expect(plan(backups, { keepLast: 30 }).held).toEqual([]);
  });

  it("what its location kept from being deleted is routine still", () => {
    const { routine } = plan([
      backup(1, -24),
      ...range(100, 130).map((hours) => backup(hours, hours - 25, { wasDue: true })),
    ]);

    expect(routine.length).toBe(31);
  });

  it("backups without data are never held", () => {
    const { routine, held } = plan(range(100, 150).map((hours) => backup(hours, hours - 25, { phase: "Failed" })));

    expect([routine.length, held.length]).toEqual([51, 0]);
  });

  it("without its policy the location is asked, and others' backups are no reason to go on", () => {
    const orphan = backup(900, 800, { series: undefined });
    const theirs = range(1, 20).map((hours) => backup(hours, hours, { cluster: "other", series: undefined }));

    expect(plan([orphan, ...theirs], { isPolicy: false }).held).toMatchObject([
      {
        owner: { kind: "BackupStorageLocation", key: LOCATION },
        backups: [orphan],
        why: expect.stringContaining("is the last"),
      },
    ]);
  });
});

describe("the guard against a wrong clock", () => {
  const rows: [name: string, others: number[], problem: string | undefined][] = [
    ["nobody to ask", [], undefined],
    ["clocks that agree", [0, 5], undefined],
    ["the own clock is behind", [-60 * 24], undefined],
    [
      "the own clock is ahead of one of two",
      [0, 525_600],
      "Holdfast's clock is 525600 minutes ahead of that of clock 1",
    ],
  ];
  it.each(rows)("%s", (_name, minutesBehind, problem) => {
    const others = minutesBehind.map((minutes, at) => ({ whose: `clock ${at}`, ms: NOW - minutes * 60_000 }));

    expect(clockProblem(NOW, others)).toBe(problem);
  });
});
