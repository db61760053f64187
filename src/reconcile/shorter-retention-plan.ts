/** What a changed BackupPolicy would no longer keep. Pure. */

import { ALLOW_DELETIONS_ANNOTATION } from "../api/annotations.ts";
import { type ScheduleWithDefaults, scheduleDefaults } from "../api/defaults.ts";
import { parseDuration } from "../api/duration.ts";
import type { BackupPolicySpec } from "../api/kinds.generated.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import { KEEP_FIELDS } from "../backup/keep-rules-plan.ts";
import { type RetainedBackup, type RetentionInput, retentionPlan } from "../backup/retention-plan.ts";
import { count } from "../report/pull-request.ts";
import { type GuardedBackup, planDeletions, routineSince } from "./retention-breaker-plan.ts";

/** The same backups under the rules as they are and as they would be. */
export interface RetentionInputs {
  readonly now: RetentionInput;
  readonly after: RetentionInput<GuardedBackup>;
  /** Whether a policy stands, as it would be. */
  readonly isPolicyAfter: (key: ObjectKey) => boolean;
}

/** How often retention looks unless told. */
const LOOK_MS = 3_600_000;

/**
 * A sentence for each schedule that would keep less: what its rules say, and how many backups that are kept now would be
 * deleted. A new ttl is one of new backups: those that are there keep what they were promised. And a sentence for what
 * the mass-deletion breaker would hold back of it, as if nothing else were deleted in that hour.
 */
export function shorterRetention(
  before: BackupPolicySpec | undefined,
  after: BackupPolicySpec | undefined,
  inputs: RetentionInputs,
): string[] {
  const [old, next] = [byName(before), byName(after)];
  const lost = lostBackups(inputs);
  const bySchedule = Map.groupBy(lost, ({ series }) => series?.schedule ?? "");
  const sentences = [...new Set([...old.keys(), ...next.keys(), ...bySchedule.keys()])].flatMap((name) => {
    const number = bySchedule.get(name)?.length ?? 0;
    const parts = [
      ...changesOf(old.get(name), next.get(name)),
      ...(number === 0 ? [] : [`${count(number, "backup")} kept now would be deleted`]),
    ];
    return parts.length === 0 ? [] : [`schedule ${name}: ${parts.join("; ")}`];
  });
  return [...sentences, ...heldBack(inputs, lost)];
}

/** What would not go by itself, of the backups that are lost. */
function heldBack({ after, isPolicyAfter }: RetentionInputs, lost: readonly RetainedBackup[]): string[] {
  const { held } = planDeletions({
    verdicts: retentionPlan(after),
    routineSinceMs: routineSince(after.nowMs, undefined, LOOK_MS),
    isPolicy: isPolicyAfter,
    recentOf: () => 0,
    allowedOf: () => undefined,
  });
  const keys = new Set(lost.map(({ key }) => formatKey(key)));
  return held.flatMap(({ owner, backups, why }) => {
    const number = backups.filter(({ key }) => keys.has(formatKey(key))).length;
    if (number === 0) return [];
    const where = `${owner.kind} ${formatKey(owner.key)}`;
    return [
      `held back: ${count(number, "backup")} would stay until ${ALLOW_DELETIONS_ANNOTATION} on ${where} allows it (${why})`,
    ];
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

/** Backups of schedules that are kept now and would go. */
function lostBackups({ now, after }: RetentionInputs): RetainedBackup[] {
  const kept = new Set(
    retentionPlan(now).flatMap(({ action, backup }) => (action === "keep" ? [formatKey(backup.key)] : [])),
  );
  return retentionPlan(after).flatMap(({ action, backup }) =>
    action === "delete" && backup.series !== undefined && kept.has(formatKey(backup.key)) ? [backup] : [],
  );
}
