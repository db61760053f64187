/** What a changed BackupPolicy would no longer keep. Pure. */
import { type ScheduleWithDefaults, scheduleDefaults } from "../api/defaults.ts";
import { parseDuration } from "../api/duration.ts";
import type { BackupPolicySpec } from "../api/kinds.generated.ts";
import { formatKey } from "../api/object.ts";
import { KEEP_FIELDS } from "../backup/keep-rules-plan.ts";
import { type RetentionInput, retentionPlan } from "../backup/retention-plan.ts";
import { count } from "../report/pull-request.ts";

/** The same backups under the rules as they are and as they would be. */
export interface RetentionInputs {
  readonly now: RetentionInput;
  readonly after: RetentionInput;
}

/**
 * A sentence for each schedule that would keep less: what its rules say, and how many backups that are kept now would be
 * deleted. A new ttl is one of new backups: those that are there keep what they were promised.
 */
export function shorterRetention(
  before: BackupPolicySpec | undefined,
  after: BackupPolicySpec | undefined,
  inputs: RetentionInputs,
): string[] {
  const [old, next] = [byName(before), byName(after)];
  const lost = lostBySchedule(inputs);
  return [...new Set([...old.keys(), ...next.keys(), ...lost.keys()])].flatMap((name) => {
    const number = lost.get(name) ?? 0;
    const parts = [
      ...changesOf(old.get(name), next.get(name)),
      ...(number === 0 ? [] : [`${count(number, "backup")} kept now would be deleted`]),
    ];
    return parts.length === 0 ? [] : [`schedule ${name}: ${parts.join("; ")}`];
  });
}

function byName(spec: BackupPolicySpec | undefined): Map<string, ScheduleWithDefaults> {
  if (spec === undefined) return new Map();
  return new Map(spec.schedules.map((schedule) => [schedule.name, scheduleDefaults(schedule, spec)]));
}

function changesOf(was: ScheduleWithDefaults | undefined, will: ScheduleWithDefaults | undefined): string[] {
  if (was === undefined) return [];
  if (will === undefined) return ["it is gone: no more backups of it are made"];
  const isShorter = lifetime(will.ttl) < lifetime(was.ttl);
  const fewer = KEEP_FIELDS.filter((field) => (will[field] ?? 0) < (was[field] ?? 0));
  return [
    ...(isShorter ? [`new backups are kept for ${will.ttl}, until now it was ${was.ttl}`] : []),
    ...fewer.map((field) => `${field} ${will[field] ?? "none"}, until now ${was[field]}`),
  ];
}

/** `0s` is for ever. */
function lifetime(ttl: string): number {
  const ms = parseDuration(ttl) ?? 0;
  return ms <= 0 ? Number.POSITIVE_INFINITY : ms;
}

/** How many backups of each schedule are kept now and would go. */
function lostBySchedule({ now, after }: RetentionInputs): Map<string, number> {
  const kept = new Set(
    retentionPlan(now).flatMap(({ action, backup }) => (action === "keep" ? [formatKey(backup.key)] : [])),
  );
  const lost = new Map<string, number>();
  for (const { action, backup } of retentionPlan(after)) {
    if (action === "keep" || backup.series === undefined || !kept.has(formatKey(backup.key))) continue;
    lost.set(backup.series.schedule, (lost.get(backup.series.schedule) ?? 0) + 1);
  }
  return lost;
}
