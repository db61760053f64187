/** A year of three policies, on the plans the loop works by and in the order in which it does; only the effects are missing. */
import { describe, expect, it } from "vitest";
import type { BackupPolicy, Schedule } from "../../src/api/kinds.generated.ts";
import { type KubeObject, keyOf } from "../../src/api/object.ts";
import { hasKeepRule } from "../../src/backup/keep-rules-plan.ts";
import { retentionPlan } from "../../src/backup/retention-plan.ts";
import { rfc3339 } from "../../src/clock.ts";
import { createLiveObjects, type Live } from "../../src/reconcile/live-objects.ts";
import { planPolicy } from "../../src/reconcile/policy-plan.ts";
import { planDeletions, routineSince } from "../../src/reconcile/retention-breaker-plan.ts";
import { retentionInput, scheduleOf } from "../../src/reconcile/retention-input.ts";
import { parseBackupName } from "../../src/schedule/slot-name.ts";
import { wallTime } from "../../src/schedule/wall-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NAMESPACE = "holdfast";
const BEGIN = Date.UTC(2026, 0, 1, 0, 30);
const END = Date.UTC(2027, 0, 2);
/** Over the change of the clock in Berlin. */
const DOWN = { fromMs: Date.UTC(2026, 2, 27, 17, 20), toMs: Date.UTC(2026, 2, 30, 17, 20) };
/** For three days every hourly run fails. */
const TROUBLE = { fromMs: Date.UTC(2026, 7, 1), toMs: Date.UTC(2026, 7, 4) };
const LOOK_EVERY_MS = 2 * HOUR;
/** A run takes so long. */
const RUN_MS = 4 * MINUTE;

function tiers(timeZone: string, hourly: string, daily: string, more: Partial<Schedule> = {}): Schedule[] {
  return [
    { name: "hourly", cron: hourly, ttl: "25h", timeZone, ...more },
    { name: "daily", cron: daily, ttl: "730h", timeZone },
    { name: "monthly", cron: "@monthly", ttl: "8760h", timeZone },
    { name: "yearly", cron: "@yearly", ttl: "0s", timeZone },
  ];
}

const POLICIES: Readonly<Record<string, Schedule[]>> = {
  plain: tiers("UTC", "@every 1h", "@daily"),
  berlin: tiers("Europe/Berlin", "@hourly", "30 2 * * *"),
  newyork: tiers("America/New_York", "7 * * * *", "30 1 * * *", { jitter: "5m", keepDaily: 14, keepMonthly: 3 }),
};
const TTL_MS: Readonly<Record<string, number>> = { hourly: 25 * HOUR, daily: 730 * HOUR, monthly: 8760 * HOUR };

interface Made {
  readonly name: string;
  readonly policy: string;
  readonly schedule: string;
  readonly slotMs: number;
  readonly startedMs: number;
  readonly phase: "Completed" | "Failed";
  deletedMs: number | undefined;
}

function isWithin({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }, ms: number): boolean {
  return ms >= fromMs && ms < toMs;
}

/** Runs the year; returns every backup that was ever asked for, and what the breaker held. */
function simulate(): { readonly made: readonly Made[]; readonly held: number } {
  const live = createLiveObjects(NAMESPACE);
  const installation = { cluster: "main", clusterUid: "uid", namespace: NAMESPACE, term: 1 };
  const made = new Map<string, Made>();
  const ending: { readonly atMs: number; readonly name: string }[] = [];
  const lookAt = new Map(Object.keys(POLICIES).map((name) => [name, BEGIN]));
  let version = 0;
  let held = 0;
  let lookedMs = BEGIN;
  const put = (object: object): void => {
    const { metadata } = object as KubeObject;
    live.put({ ...object, metadata: { ...metadata, resourceVersion: String(++version) } } as KubeObject);
  };
  put({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupStorageLocation",
    metadata: { name: "main", namespace: NAMESPACE },
    spec: { provider: "filesystem", default: true },
    status: { phase: "Available" },
  });
  for (const [name, schedules] of Object.entries(POLICIES)) {
    const metadata = { name, namespace: NAMESPACE, creationTimestamp: rfc3339(BEGIN) };
    put({ apiVersion: "holdfast.dev/v1alpha1", kind: "BackupPolicy", metadata, spec: { schedules } });
  }

  /** When something is next to be done; what falls into the outage is done when it is over. */
  function nextMs(nowMs: number): number {
    const next = Math.max(nowMs + 1000, Math.min(...lookAt.values(), ending[0]?.atMs ?? END, lookedMs + LOOK_EVERY_MS));
    return isWithin(DOWN, next) ? DOWN.toMs : next;
  }

  function lookAtPolicy(name: string, nowMs: number): void {
    const policy = live.get("BackupPolicy", { namespace: NAMESPACE, name }) as Live<"BackupPolicy">;
    const input = {
      backups: live.backupsOf(keyOf(policy)),
      cluster: "main",
      ownNamespace: NAMESPACE,
      mayRun: true,
      nowMs,
    };
    const plan = planPolicy({ policy: policy as BackupPolicy, ...input });
    for (const create of plan.creates) begin(create, nowMs);
    put({ ...policy, status: { ...policy.status, ...plan.status } });
    lookAt.set(name, plan.lookAtMs ?? Number.POSITIVE_INFINITY);
  }

  function begin(
    create: { readonly name: string; readonly schedule: string; readonly ttl: string },
    nowMs: number,
  ): void {
    if (made.has(create.name)) throw new Error(`${create.name} is asked for twice`);
    const named = parseBackupName(create.name, NAMESPACE);
    if (named === undefined || named.rerun > 0) throw new Error(`${create.name} is no slot's name`);
    const phase = create.schedule === "hourly" && isWithin(TROUBLE, nowMs) ? "Failed" : "Completed";
    const row = {
      name: create.name,
      policy: named.policy,
      schedule: create.schedule,
      slotMs: named.slotMs,
      phase,
    } as const;
    made.set(create.name, { ...row, startedMs: nowMs, deletedMs: undefined });
    ending.push({ atMs: nowMs + RUN_MS, name: create.name });
    put({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "Backup",
      metadata: { name: create.name, namespace: NAMESPACE, creationTimestamp: rfc3339(nowMs) },
      spec: { ttl: create.ttl },
      status: { phase: "InProgress", cluster: "main", startTimestamp: rfc3339(nowMs) },
    });
  }

  /** As the run writes it: an expiration only where neither a rule nor 0s keeps it. */
  function end(name: string): void {
    const backup = live.get("Backup", { namespace: NAMESPACE, name }) as Live<"Backup">;
    const { schedule, policy, startedMs, phase } = made.get(name) as Made;
    const key = { namespace: NAMESPACE, name: policy };
    const rules = scheduleOf(live, { policy: key, schedule }) as Schedule;
    const ttlMs = TTL_MS[schedule];
    const hasEnd = ttlMs !== undefined && !hasKeepRule(rules) && phase === "Completed";
    const expiration = hasEnd ? { expiration: rfc3339(startedMs + ttlMs) } : {};
    put({ ...backup, status: { ...backup.status, phase, ...expiration, policy: { ...key, schedule } } });
  }

  function expire(nowMs: number): void {
    const input = retentionInput({ live, installation }, nowMs);
    const plan = planDeletions({
      verdicts: retentionPlan(input),
      routineSinceMs: routineSince(nowMs, nowMs - lookedMs, LOOK_EVERY_MS),
      isPolicy: () => true,
      recentOf: () => 0,
      allowedOf: () => undefined,
    });
    held += plan.held.length;
    for (const { key } of [...plan.routine, ...plan.judged.map(({ backup }) => backup)]) {
      (made.get(key.name) as Made).deletedMs = nowMs;
      live.remove(live.get("Backup", key) as KubeObject);
    }
    lookedMs = nowMs;
  }

  for (let nowMs = BEGIN; nowMs < END; nowMs = nextMs(nowMs)) {
    while (ending[0] !== undefined && ending[0].atMs <= nowMs) end((ending.shift() as { name: string }).name);
    for (const [name, atMs] of lookAt) if (atMs <= nowMs) lookAtPolicy(name, nowMs);
    if (nowMs - lookedMs >= LOOK_EVERY_MS) expire(nowMs);
  }
  return { made: [...made.values()], held };
}

describe("a year of three policies with four schedules, the controller down for three days in it", () => {
  const { made, held } = simulate();
  const bySeries = Map.groupBy(made, ({ policy, schedule }) => `${policy} ${schedule}`);
  const of = (policy: string, schedule: string): Made[] => bySeries.get(`${policy} ${schedule}`) ?? [];
  const zoneOf = (policy: string): string => POLICIES[policy]?.[0]?.timeZone ?? "UTC";
  /** What the calendar of the policy's zone shows, so long a part of it. */
  const shown = (policy: string, ms: number, length: number): string =>
    new Date(wallTime(ms, zoneOf(policy))).toISOString().slice(0, length);
  const rows = Object.keys(POLICIES).map((policy) => ({ policy }));

  /** Every date of the policy's calendar that begins after the start, but for those that nobody could run on. */
  function dates(policy: string, length: number): string[] {
    const all = new Set<string>();
    for (let ms = BEGIN + DAY; ms < END; ms += HOUR) if (!isWithin(DOWN, ms)) all.add(shown(policy, ms, length));
    return [...all].sort();
  }

  it.each(rows)("$policy: every day has one daily backup, the days of the outage together one", ({ policy }) => {
    const days = of(policy, "daily").map(({ slotMs }) => shown(policy, slotMs, 10));
    const missed = ["2026-03-28", "2026-03-29"]; // the 30th's is made when it is back

    expect(new Set(days).size).toBe(days.length);
    expect(days.filter((day) => missed.includes(day))).toEqual([]);
    const expected = dates(policy, 10).filter((day) => !missed.includes(day) && day < "2027-01-02");
    expect(days.filter((day) => day > "2026-01-01" && day < "2027-01-02")).toEqual(
      expected.filter((day) => day > "2026-01-01"),
    );
  });

  it.each(rows)("$policy: every hour has one hourly backup, the outage one", ({ policy }) => {
    const slots = of(policy, "hourly").map(({ slotMs }) => slotMs);
    const gaps = slots
      .slice(1)
      .map((slotMs, at) => ({ fromMs: slots[at] ?? 0, hours: (slotMs - (slots[at] ?? 0)) / HOUR }));
    const long = gaps.filter(({ hours }) => hours > 1);

    const outage = long.filter(
      ({ fromMs, hours }) => isWithin({ fromMs: DOWN.fromMs - 2 * HOUR, toMs: DOWN.toMs }, fromMs) && hours >= 71,
    );
    expect(outage.length).toBe(1);
    const autumn = long.filter((gap) => !outage.includes(gap));
    // an hour that the clock shows twice is one slot
    expect(autumn.map(({ hours }) => hours)).toEqual(policy === "plain" ? [] : [2]);
    expect(gaps.filter(({ hours }) => hours < 1)).toEqual([]);
  });

  it.each(rows)("$policy: every month has one monthly backup, and the new year one that stays", ({ policy }) => {
    const months = of(policy, "monthly").map(({ slotMs }) => shown(policy, slotMs, 10));

    expect(months.filter((month) => month < "2027")).toEqual(
      Array.from(
        { length: policy === "newyork" ? 12 : 11 },
        (_each, at) => `2026-${String(at + (policy === "newyork" ? 1 : 2)).padStart(2, "0")}-01`,
      ),
    );
    expect(of(policy, "yearly").map(({ slotMs }) => shown(policy, slotMs, 4))).toContain("2027");
    expect(of(policy, "yearly").filter(({ deletedMs }) => deletedMs !== undefined)).toEqual([]);
  });

  it("keeps what it promised: nothing good goes before its time, and never the newest good one", () => {
    const early = made.filter(
      ({ schedule, startedMs, deletedMs }) =>
        deletedMs !== undefined && deletedMs < startedMs + (TTL_MS[schedule] ?? Infinity),
    );
    const newest = [...bySeries.values()].flatMap((series) => {
      const good = series.filter(({ phase }) => phase === "Completed");
      return good.filter(
        ({ deletedMs }, at) => deletedMs !== undefined && (good[at + 1]?.startedMs ?? END) + RUN_MS > deletedMs,
      );
    });

    expect(early).toEqual([]);
    expect(newest).toEqual([]);
  });

  it("keeps no more than that: what no rule keeps goes within two looks", () => {
    const late = made.filter(({ policy, schedule, phase, startedMs, deletedMs }) => {
      const dueMs = startedMs + (TTL_MS[schedule] ?? Infinity) + 2 * LOOK_EVERY_MS;
      if (dueMs >= END || (schedule === "hourly" && policy === "newyork" && phase === "Completed")) return false;
      const backMs = isWithin({ fromMs: DOWN.fromMs - 2 * LOOK_EVERY_MS, toMs: DOWN.toMs }, dueMs)
        ? DOWN.toMs + 2 * HOUR
        : dueMs;
      return deletedMs === undefined || deletedMs > backMs;
    });
    // the newest good one before the trouble outlived its time: nothing better was there
    const kept = late.filter(
      ({ startedMs }) => !isWithin({ fromMs: TROUBLE.fromMs - 2 * HOUR, toMs: TROUBLE.fromMs }, startedMs),
    );

    expect(kept).toEqual([]);
    expect(late.length).toBeGreaterThan(0);
  });

  it("the keep rules of one schedule keep fourteen days and three months", () => {
    const left = of("newyork", "hourly").filter(
      ({ deletedMs, startedMs }) => deletedMs === undefined && startedMs < END - 26 * HOUR,
    );
    // fourteen days up to New Year's Day, of which the ttl keeps the last two; December's newest is among them
    const december = Array.from({ length: 12 }, (_each, at) => `2026-12-${at + 19}`);
    expect(left.map(({ startedMs }) => shown("newyork", startedMs, 10))).toEqual(["2026-11-30", ...december]);
  });

  it("asks no person about anything", () => {
    expect(held).toBe(0);
    expect(made.length).toBeGreaterThan(26_000);
  });
});
