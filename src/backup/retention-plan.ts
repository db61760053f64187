/**
 * Which backups are kept and which may go, each with its reasons: a pure function of the backups, the rules of their
 * schedules and now. A backup goes when its time is over and no rule keeps it.
 */
import { parseDuration } from "../api/duration.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { type KeepRules, keptByRules, type RuleName } from "./keep-rules-plan.ts";

/** The schedule of a policy that a backup is of. */
export interface Series {
  readonly policy: ObjectKey;
  readonly schedule: string;
}

/** A backup as retention looks at it. */
export interface RetainedBackup {
  readonly key: ObjectKey;
  readonly phase: string | undefined;
  /** Whose it is; undefined for one that Velero made. */
  readonly cluster: string | undefined;
  /** Undefined on demand, before a restore, and for a Backup of its own: then only its own time counts. */
  readonly series: Series | undefined;
  /** When it began, ms since the epoch, and what the clock on the wall of its schedule's zone showed then. */
  readonly startedMs: number;
  readonly startedWallMs: number;
  /** As its spec says, with the default; undefined where nobody knows. */
  readonly ttl: string | undefined;
  /** `status.expiration`: what was promised, and what a Velero on the same bucket goes by. */
  readonly expirationMs: number | undefined;
  /** Whether its location can be reached now. */
  readonly isReachable: boolean;
  /** The restore that needs it. */
  readonly inUseBy: string | undefined;
}

export interface RetentionInput<B extends RetainedBackup = RetainedBackup> {
  readonly backups: readonly B[];
  /** The keep rules of a schedule; undefined when there is no such schedule now. */
  readonly rulesOf: (series: Series) => KeepRules | undefined;
  readonly cluster: string;
  readonly nowMs: number;
}

/** Why a backup is kept, or goes. Public: printed by `holdfast retention plan`. */
export type RetentionRule =
  | RuleName
  | "NotExpired"
  | "Forever"
  | "LastGood"
  | "InUse"
  | "NotEnded"
  | "OtherCluster"
  | "TtlUnknown"
  | "ScheduleGone"
  | "Expired";

export interface RetentionReason {
  readonly rule: RetentionRule;
  readonly text: string;
}

export interface RetentionVerdict<B extends RetainedBackup = RetainedBackup> {
  readonly backup: B;
  readonly action: "keep" | "delete";
  readonly reasons: readonly RetentionReason[];
  /** When its own time is over, ms since the epoch; undefined for ever, and where nobody knows. */
  readonly expiresMs: number | undefined;
}

/** Decides about every backup. The order of the verdicts is that of the backups. */
export function retentionPlan<B extends RetainedBackup>(input: RetentionInput<B>): RetentionVerdict<B>[] {
  const kept = reasonsOfSeries(input);
  return input.backups.map((backup) => {
    const time = timeOf(backup, input.nowMs);
    const keeps = [...standingReasons(input, backup), ...(time.keep ?? []), ...(kept.get(backup) ?? [])];
    const action = keeps.length > 0 ? "keep" : "delete";
    const expired = { rule: "Expired", text: `its time was over at ${rfc3339(time.expiresMs ?? 0)}` } as const;
    return { backup, action, reasons: action === "keep" ? keeps : [expired], expiresMs: time.expiresMs };
  });
}

const ENDED: ReadonlySet<string> = new Set(["Completed", "PartiallyFailed", "Failed", "FailedValidation"]);

/** True when it has data that can be restored. */
export function isRestorable({ phase }: Pick<RetainedBackup, "phase">): boolean {
  return phase === "Completed" || phase === "PartiallyFailed";
}

/** What keeps a backup whatever its time and its schedule say. */
function standingReasons({ cluster }: RetentionInput, backup: RetainedBackup): RetentionReason[] {
  if (backup.cluster !== cluster) {
    const owner = backup.cluster === undefined ? "Velero" : `cluster ${backup.cluster}`;
    return [{ rule: "OtherCluster", text: `${owner} made it and decides about it` }];
  }
  if (!ENDED.has(backup.phase ?? "")) return [{ rule: "NotEnded", text: `it is ${backup.phase ?? "not begun"}` }];
  return backup.inUseBy === undefined
    ? []
    : [{ rule: "InUse", text: `RestorePlan ${backup.inUseBy} restores from it` }];
}

interface OwnTime {
  readonly expiresMs: number | undefined;
  readonly keep: readonly RetentionReason[] | undefined;
}

function timeOf(backup: RetainedBackup, nowMs: number): OwnTime {
  const { expirationMs, ttl, startedMs } = backup;
  const ttlMs = ttl === undefined ? undefined : parseDuration(ttl);
  if (expirationMs === undefined && ttlMs === undefined) {
    return { expiresMs: undefined, keep: [{ rule: "TtlUnknown", text: "nothing says how long it is to be kept" }] };
  }
  if (expirationMs === undefined && ttlMs !== undefined && ttlMs <= 0) {
    return { expiresMs: undefined, keep: [{ rule: "Forever", text: "ttl 0s: for ever" }] };
  }
  const expiresMs = expirationMs ?? startedMs + (ttlMs ?? 0);
  const isOver = expiresMs <= nowMs;
  return {
    expiresMs,
    keep: isOver ? undefined : [{ rule: "NotExpired", text: `it expires at ${rfc3339(expiresMs)}` }],
  };
}

/** What the rules of each schedule keep, its newest good backup among it. */
function reasonsOfSeries(input: RetentionInput): Map<RetainedBackup, RetentionReason[]> {
  const kept = new Map<RetainedBackup, RetentionReason[]>();
  const keep = (backup: RetainedBackup, reason: RetentionReason): void =>
    void kept.set(backup, [...(kept.get(backup) ?? []), reason]);
  for (const group of groupBySeries(input)) {
    const [first] = group;
    if (first?.series === undefined) continue;
    const name = `${formatKey(first.series.policy)} ${first.series.schedule}`;
    const rules = input.rulesOf(first.series);
    for (const backup of lastGood(group)) {
      keep(backup, { rule: "LastGood", text: `the newest good backup of ${name}` });
    }
    if (rules === undefined) {
      for (const backup of group.filter(wasKeptByRule)) {
        keep(backup, { rule: "ScheduleGone", text: `a rule of ${name} kept it, and there is no such schedule now` });
      }
      continue;
    }
    for (const { backup, rule, text } of keptByRules(group, rules)) keep(backup, { rule, text });
  }
  return kept;
}

/** Restorable backups of this cluster by schedule, newest first. */
function groupBySeries({ backups, cluster }: RetentionInput): RetainedBackup[][] {
  const groups = new Map<string, RetainedBackup[]>();
  for (const backup of backups) {
    if (backup.series === undefined || backup.cluster !== cluster || !isRestorable(backup)) continue;
    const id = `${formatKey(backup.series.policy)} ${backup.series.schedule}`;
    const group = groups.get(id) ?? [];
    group.push(backup);
    groups.set(id, group);
  }
  return [...groups.values()].map((group) => group.sort(newestFirst));
}

function newestFirst(a: RetainedBackup, b: RetainedBackup): number {
  return b.startedMs - a.startedMs || (a.key.name < b.key.name ? 1 : -1);
}

/**
 * The newest Completed one, and the newest that can be reached now: one behind a location that is gone may be no backup
 * any more. Where none is Completed, the newest that is restorable at all.
 */
function lastGood(newestFirst: readonly RetainedBackup[]): Set<RetainedBackup> {
  const completed = newestFirst.filter(({ phase }) => phase === "Completed");
  const good = completed.length > 0 ? completed : newestFirst;
  const chosen = [good[0], good.find(({ isReachable }) => isReachable)];
  return new Set(chosen.filter((backup) => backup !== undefined));
}

/** Without an expiration although it has a ttl: made under a keep rule, which its policy may have lost since. */
function wasKeptByRule({ expirationMs, ttl }: RetainedBackup): boolean {
  return expirationMs === undefined && ttl !== undefined && (parseDuration(ttl) ?? 0) > 0;
}
