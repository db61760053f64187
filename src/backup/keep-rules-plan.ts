/** `keepLast`, `keepHourly` and their like, as users of restic know them. Pure. */
import type { Schedule } from "../api/kinds.generated.ts";

/** How many of each are kept; absent: the rule keeps none. */
export type KeepRules = Pick<
  Schedule,
  "keepLast" | "keepHourly" | "keepDaily" | "keepWeekly" | "keepMonthly" | "keepYearly"
>;

export type RuleName = "KeepLast" | "KeepHourly" | "KeepDaily" | "KeepWeekly" | "KeepMonthly" | "KeepYearly";

/** What the rules look at. */
export interface KeepCandidate {
  readonly phase: string | undefined;
  /** What the clock on the wall of the schedule's zone showed at its start, as ms of a calendar without zones. */
  readonly startedWallMs: number;
}

export interface KeptByRule<T> {
  readonly backup: T;
  readonly rule: RuleName;
  readonly text: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Rule {
  readonly name: RuleName;
  readonly field: keyof KeepRules;
  readonly period: string;
  /** Equal for backups of one period. */
  readonly periodOf: (wallMs: number) => string;
}

const PERIODS: readonly Rule[] = [
  { name: "KeepHourly", field: "keepHourly", period: "hour", periodOf: (ms) => String(Math.floor(ms / HOUR_MS)) },
  { name: "KeepDaily", field: "keepDaily", period: "day", periodOf: (ms) => String(Math.floor(ms / DAY_MS)) },
  // day 0 was a Thursday: weeks begin on Mondays
  {
    name: "KeepWeekly",
    field: "keepWeekly",
    period: "week",
    periodOf: (ms) => String(Math.floor((ms / DAY_MS + 3) / 7)),
  },
  { name: "KeepMonthly", field: "keepMonthly", period: "month", periodOf: (ms) => isoDate(ms).slice(0, 7) },
  { name: "KeepYearly", field: "keepYearly", period: "year", periodOf: (ms) => isoDate(ms).slice(0, 4) },
];

/** The fields of the rules, in the order in which they are told of. */
export const KEEP_FIELDS: readonly (keyof KeepRules)[] = ["keepLast", ...PERIODS.map(({ field }) => field)];

/** True when a schedule keeps anything whatever its age. */
export function hasKeepRule(rules: KeepRules): boolean {
  return KEEP_FIELDS.some((field) => rules[field] !== undefined);
}

/**
 * What the rules keep of one schedule's restorable backups, given newest first. They are counted twice: the Completed
 * ones, and all of them; so a run of partial failures neither drives out a good backup nor is left without any.
 */
export function keptByRules<T extends KeepCandidate>(newestFirst: readonly T[], rules: KeepRules): KeptByRule<T>[] {
  const completed = newestFirst.filter(({ phase }) => phase === "Completed");
  const seen = new Map<T, Set<RuleName>>();
  const all = [completed, newestFirst].flatMap((counted) => [
    ...keptByCount(counted, rules.keepLast),
    ...keptByPeriods(counted, rules),
  ]);
  return all.filter(({ backup, rule }) => {
    const rulesOfBackup = seen.get(backup) ?? new Set();
    seen.set(backup, rulesOfBackup);
    return !rulesOfBackup.has(rule) && rulesOfBackup.add(rule);
  });
}

function keptByCount<T>(newestFirst: readonly T[], count = 0): KeptByRule<T>[] {
  return newestFirst
    .slice(0, count)
    .map((backup, at) => ({ backup, rule: "KeepLast", text: `number ${at + 1} of keepLast ${count}` }));
}

function keptByPeriods<T extends KeepCandidate>(newestFirst: readonly T[], rules: KeepRules): KeptByRule<T>[] {
  return PERIODS.flatMap((rule) => keptByPeriod(newestFirst, rule, rules[rule.field] ?? 0));
}

/** The newest of each of the last `count` periods; while fewer periods have one, the oldest backup of all as well. */
function keptByPeriod<T extends KeepCandidate>(newestFirst: readonly T[], rule: Rule, count: number): KeptByRule<T>[] {
  const { name, field, period, periodOf } = rule;
  const kept: KeptByRule<T>[] = [];
  let last: string | undefined;
  for (const backup of newestFirst) {
    if (kept.length === count) return kept;
    const current = periodOf(backup.startedWallMs);
    if (current !== last) {
      kept.push({ backup, rule: name, text: `${period} ${kept.length + 1} of ${field} ${count}` });
    } else if (backup === newestFirst.at(-1)) {
      kept.push({ backup, rule: name, text: `the oldest, while fewer than ${field} ${count} are there` });
    }
    last = current;
  }
  return kept;
}

function isoDate(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
