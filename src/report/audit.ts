/** The audit of a cluster: what was declared, by whom, what was made of it, and where it fell short. A pure join. */
import type { BackupRecord } from "./backup-record.ts";

/** One change of one document of ours in the history of the policies. Times are RFC 3339, UTC. */
export interface DeclaredChange {
  readonly type: "added" | "changed" | "removed";
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly file: string;
  readonly commit: string;
  readonly time: string;
  /** Who wrote it: for a merge those of the merged commits. */
  readonly authors: readonly string[];
  /** Who merged it; undefined for a commit that is no merge. */
  readonly mergedBy?: string;
  readonly subject: string;
  /** JSON pointers of the fields that differ. */
  readonly fields: readonly string[];
}

/** What a schedule promised for a while. Ms since the epoch. */
export interface PromisedSchedule {
  /** `namespace/name` of the policy. */
  readonly policy: string;
  readonly schedule: string;
  readonly cron: string;
  readonly fromMs: number;
  /** Undefined while it still holds. */
  readonly untilMs: number | undefined;
  /** The instants it named in the time looked at, ascending. */
  readonly slots: readonly number[];
}

/** A time without a Completed backup, longer than the schedule allows. */
export interface RpoGap {
  readonly policy: string;
  readonly schedule: string;
  /** The last Completed backup before it, else the first slot that was missed. */
  readonly from: string;
  /** The next Completed backup; undefined while the gap is open. */
  readonly to?: string;
  readonly missedSlots: number;
  /** Backups that ended otherwise in it: `name phase`. */
  readonly failed: readonly string[];
}

/** The backups that were made under one commit of a policy. */
export interface RevisionBackups {
  readonly policy: string;
  /** The commit that last changed the policy when they were made; "" where none was recorded. */
  readonly revision: string;
  readonly backups: readonly AuditedBackup[];
}

export interface AuditedBackup {
  readonly name: string;
  readonly schedule: string;
  readonly phase: string;
  readonly started: string;
  readonly completed: string;
  readonly gone: boolean;
}

export interface AuditInput {
  readonly cluster: string;
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly changes: readonly DeclaredChange[];
  readonly promised: readonly PromisedSchedule[];
  readonly backups: readonly BackupRecord[];
  /** Undefined: no cluster was asked. */
  readonly uncoveredNamespaces: readonly string[] | undefined;
  /** Findings of `--verify`, a line each; undefined: not asked for. */
  readonly findings: readonly string[] | undefined;
}

export interface AuditReport {
  readonly cluster: string;
  readonly since: string;
  readonly until: string;
  readonly changes: readonly DeclaredChange[];
  readonly revisions: readonly RevisionBackups[];
  readonly gaps: readonly RpoGap[];
  readonly uncoveredNamespaces?: readonly string[];
  readonly findings?: readonly string[];
}

/** Joins both histories. */
export function auditReport(input: AuditInput): AuditReport {
  const { cluster, changes, promised, backups, uncoveredNamespaces, findings } = input;
  return {
    cluster,
    since: time(input.sinceMs),
    until: time(input.nowMs),
    changes,
    revisions: byRevision(backups),
    gaps: promised.flatMap((schedule) => gapsOf(schedule, backups, input.nowMs)),
    ...(uncoveredNamespaces === undefined ? {} : { uncoveredNamespaces }),
    ...(findings === undefined ? {} : { findings }),
  };
}

/** Whether something in it wants a person. */
export function isClean({ gaps, uncoveredNamespaces = [], findings = [] }: AuditReport): boolean {
  return gaps.length === 0 && uncoveredNamespaces.length === 0 && findings.length === 0;
}

function byRevision(backups: readonly BackupRecord[]): readonly RevisionBackups[] {
  const groups = new Map<string, { policy: string; revision: string; backups: AuditedBackup[] }>();
  for (const record of [...backups].sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1))) {
    const policy = policyOf(record);
    const revision = record.policy?.revision ?? "";
    const group = groups.get(`${policy} ${revision}`) ?? { policy, revision, backups: [] };
    groups.set(`${policy} ${revision}`, group);
    const { name, phase, completed = "", gone = false } = record;
    group.backups.push({
      name,
      phase,
      started: startOf(record),
      completed,
      gone,
      schedule: record.policy?.schedule ?? "",
    });
  }
  return [...groups.values()].sort((a, b) => (a.policy < b.policy ? -1 : a.policy > b.policy ? 1 : 0));
}

/** `namespace/name`; "" for a backup that no policy asked for. */
export function policyOf({ policy, namespace }: BackupRecord): string {
  return policy === undefined ? "" : `${policy.namespace ?? namespace}/${policy.name}`;
}

function startOf({ started, completed }: BackupRecord): string {
  return started ?? completed ?? "";
}

/** Slots without a Completed backup before the next slot, those in a row as one gap. The last slot may still be running. */
function gapsOf(promised: PromisedSchedule, backups: readonly BackupRecord[], nowMs: number): RpoGap[] {
  const { policy, schedule, slots } = promised;
  const own = backups.filter((record) => policyOf(record) === policy && record.policy?.schedule === schedule);
  const good = own
    .filter(({ phase }) => phase === "Completed")
    .map(startMs)
    .sort((a, b) => a - b);
  const gaps: RpoGap[] = [];
  let missed: number[] = [];
  const close = (untilMs: number | undefined): void => {
    const [first] = missed;
    if (first === undefined) return;
    const before = good.findLast((at) => at < first) ?? first;
    const to = good.find((at) => at >= first);
    const failed = own.filter(
      (record) => record.phase !== "Completed" && isWithin(startMs(record), first, untilMs ?? nowMs),
    );
    const ended = to === undefined ? {} : { to: time(to) };
    const names = failed.map(({ name, phase }) => `${name} ${phase}`);
    gaps.push({ policy, schedule, from: time(before), ...ended, missedSlots: missed.length, failed: names });
    missed = [];
  };
  slots.forEach((slot, index) => {
    const next = slots[index + 1] ?? promised.untilMs ?? nowMs;
    if (good.some((at) => isWithin(at, slot, next))) close(slot);
    else if (slots[index + 1] !== undefined || promised.untilMs !== undefined) missed.push(slot);
  });
  close(undefined);
  return gaps;
}

function isWithin(at: number, from: number, until: number): boolean {
  return at >= from && at < until;
}

function startMs(record: BackupRecord): number {
  return Date.parse(startOf(record));
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
