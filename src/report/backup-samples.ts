import { GC_FAILURE_LABEL, PURPOSE_LABEL } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { parseDuration } from "../api/duration.ts";
import type { Backup, BackupPolicy, HookStatus, ScheduleStatus } from "../api/kinds.generated.ts";
import { isEnded, outcomeOf, type ShardRow } from "./backup-record.ts";
import type { MetricName, Sample } from "./metrics-table.ts";
import { secondsBetween, secondsOf } from "./seconds.ts";

/** The series a backup belongs to. */
export interface OriginLabels extends Record<string, string> {
  readonly namespace: string;
  readonly policy: string;
  readonly schedule: string;
}

/** Whose backup it is: of a policy and a schedule, asked for by hand, or the one before a restore. */
export function originLabels({ metadata, status }: Backup): OriginLabels {
  const purpose = metadata.labels?.[PURPOSE_LABEL];
  const { policy } = status ?? {};
  const namespace = policy?.namespace ?? metadata.namespace ?? "";
  return { namespace, policy: policy?.name ?? "", schedule: purpose ?? policy?.schedule ?? "" };
}

/** The same for the same series. */
export function seriesKey({ namespace, policy, schedule }: OriginLabels): string {
  return `${namespace}/${policy}/${schedule}`;
}

const ENDED_COUNTERS: Readonly<Record<string, MetricName>> = {
  Completed: "holdfast_backup_success_total",
  PartiallyFailed: "holdfast_backup_partial_failure_total",
  Failed: "holdfast_backup_failure_total",
  FailedValidation: "holdfast_backup_validation_failure_total",
};

/** What counters need to know of one backup. */
interface Counted {
  readonly labels: OriginLabels;
  readonly isBegun: boolean;
  /** How it ended; undefined while it goes on. */
  readonly outcome: string | undefined;
  readonly durationSeconds: number | undefined;
  readonly warnings: number | undefined;
  readonly hooks: HookStatus | undefined;
}

/** What one backup of this cluster adds to counters and histograms, whether it still exists or not. */
export function countedSamples(backup: Backup): Sample[] {
  const { startTimestamp, completionTimestamp, warnings, hookStatus } = backup.status ?? {};
  const outcome = outcomeOf(backup);
  return samplesOf({
    labels: originLabels(backup),
    isBegun: startTimestamp !== undefined,
    outcome: isEnded(outcome) ? outcome : undefined,
    durationSeconds: secondsBetween(startTimestamp, completionTimestamp),
    warnings,
    hooks: hookStatus,
  });
}

/** The same of a backup that only the record knows any more, and what its deletion adds. */
export function recordedSamples(row: ShardRow): Sample[] {
  const [namespace = "", policy = ""] = row.policy?.split("/") ?? [row.namespace ?? "", ""];
  const labels = { namespace, policy, schedule: row.purpose ?? row.schedule ?? "" };
  const { phase: outcome, durationSeconds, warnings, hooks } = row;
  const deletions: MetricName[] =
    row.deleted === true ? ["holdfast_backup_deletion_attempt_total", "holdfast_backup_deletion_success_total"] : [];
  return [
    ...samplesOf({ labels, isBegun: durationSeconds !== undefined, outcome, durationSeconds, warnings, hooks }),
    ...deletions.map((name) => ({ name, labels, value: 1 })),
  ];
}

function samplesOf({ labels, isBegun, outcome, durationSeconds, warnings = 0, hooks }: Counted): Sample[] {
  const samples: Sample[] = [];
  const add = (name: MetricName, value = 1): void => void samples.push({ name, labels, value });
  if (isBegun) add("holdfast_backup_attempt_total");
  if (outcome === undefined) return samples;
  const counter = ENDED_COUNTERS[outcome];
  if (counter !== undefined) add(counter);
  if (warnings > 0) add("holdfast_backup_warning_total");
  if (durationSeconds !== undefined) add("holdfast_backup_duration_seconds", durationSeconds);
  add("holdfast_backup_hooks_attempted_total", hooks?.hooksAttempted ?? 0);
  add("holdfast_backup_hooks_failed_total", hooks?.hooksFailed ?? 0);
  return samples;
}

/** How the backups of this cluster that exist stand now. `nowMs` is ms since the epoch. */
export function backupGauges(backups: readonly Backup[], nowMs: number): Sample[] {
  const groups = Map.groupBy(backups, (backup) => seriesKey(originLabels(backup)));
  return [...groups.values()].flatMap((group) => groupGauges(group, nowMs));
}

function groupGauges(group: readonly Backup[], nowMs: number): Sample[] {
  const [first] = group;
  if (first === undefined) return [];
  const labels = originLabels(first);
  const ended = group.filter(({ status }) => isEnded(status?.phase)).sort((a, b) => beganAt(b) - beganAt(a));
  const [newest] = ended;
  const good = ended.find(({ status }) => status?.phase === "Completed");
  const running = group.filter(({ status }) => status?.phase === "InProgress");
  const expired = ended.filter((backup) => backup !== good && isExpired(backup, nowMs));
  return [
    { name: "holdfast_backup_in_progress", labels, value: running.length },
    { name: "holdfast_backup_expired", labels, value: expired.length },
    { name: "holdfast_backup_deletion_failing", labels, value: group.filter(isDeletionFailing).length },
    ...(newest === undefined ? [] : newestGauges(newest, labels)),
    ...(good === undefined ? [] : goodGauges(good, labels)),
  ];
}

function newestGauges({ status = {} }: Backup, labels: OriginLabels): Sample[] {
  const { phase = "", progress, errors = 0, unprotectedVolumes = 0 } = status;
  return [
    ...phaseGauges(phase, labels),
    { name: "holdfast_backup_items_total", labels, value: progress?.itemsBackedUp ?? 0 },
    { name: "holdfast_backup_items_errors", labels, value: errors },
    { name: "holdfast_backup_unprotected_volumes", labels, value: unprotectedVolumes },
  ];
}

function goodGauges({ status = {} }: Backup, labels: OriginLabels): Sample[] {
  const { archiveSizeBytes, completionTimestamp } = status;
  const samples: Sample[] = [];
  if (archiveSizeBytes !== undefined)
    samples.push({ name: "holdfast_backup_tarball_size_bytes", labels, value: archiveSizeBytes });
  const completed = secondsOf(completionTimestamp);
  if (completed !== undefined)
    samples.push({ name: "holdfast_backup_last_successful_timestamp", labels, value: completed });
  return samples;
}

/**
 * What is known of a policy's schedules although their backups may be gone: the newest success, and the newest slot.
 * `ended` holds the series (`seriesKey`) that a backup which exists speaks for.
 */
export function scheduleGauges(policy: BackupPolicy, ended: ReadonlySet<string>, nowMs: number): Sample[] {
  const { namespace = "", name } = policy.metadata;
  return policy.spec.schedules.flatMap((schedule) => {
    const labels = { namespace, policy: name, schedule: schedule.name };
    const status = policy.status?.schedules?.find((each) => each.name === schedule.name);
    const isSuspended = policy.spec.suspend === true || schedule.suspend === true || status?.suspended === true;
    const dueAt = isSuspended ? undefined : dueSeconds(status, parseDuration(schedule.jitter ?? "0s") ?? 0, nowMs);
    const succeeded = secondsOf(status?.lastSuccessfulTime);
    return [
      ...zeroes(labels),
      ...(succeeded === undefined
        ? []
        : [{ name: "holdfast_backup_last_successful_timestamp", labels, value: succeeded } as const]),
      ...(dueAt === undefined ? [] : [{ name: "holdfast_schedule_due_timestamp", labels, value: dueAt } as const]),
      ...(isEnded(status?.lastPhase) && !ended.has(seriesKey(labels))
        ? phaseGauges(status?.lastPhase ?? "", labels)
        : []),
    ];
  });
}

/** A schedule's series exist from its first sight, so that a first failure is seen as an increase. */
function zeroes(labels: OriginLabels): Sample[] {
  const names: MetricName[] = ["holdfast_backup_attempt_total", ...Object.values(ENDED_COUNTERS)];
  return names.map((name) => ({ name, labels, value: 0 }));
}

function phaseGauges(phase: string, labels: OriginLabels): Sample[] {
  return [
    { name: "holdfast_backup_last_status", labels, value: phase === "Completed" ? 1 : 0 },
    { name: "holdfast_backup_last_phase", labels: { ...labels, phase }, value: 1 },
  ];
}

function dueSeconds(status: ScheduleStatus | undefined, jitterMs: number, nowMs: number): number | undefined {
  const next = secondsOf(status?.nextSlot);
  if (next !== undefined && next * 1000 + jitterMs <= nowMs) return next;
  return secondsOf(status?.lastSlot);
}

function isExpired({ status }: Backup, nowMs: number): boolean {
  return status?.expiration !== undefined && Date.parse(status.expiration) < nowMs;
}

/** A person or retention wants it gone, and it can't be deleted. */
export function isDeletionFailing({ metadata, status }: Backup): boolean {
  const isBlocked = findCondition(status?.conditions, "DeletionBlocked")?.status === "True";
  return isBlocked || metadata.labels?.[GC_FAILURE_LABEL] !== undefined;
}

/** When it began, for an order by time; 0 when that is not known. */
function beganAt({ metadata, status }: Backup): number {
  return Date.parse(status?.startTimestamp ?? metadata.creationTimestamp ?? "") || 0;
}
