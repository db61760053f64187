import { DELETE_REQUESTED_ANNOTATION, GC_FAILURE_LABEL, PURPOSE_LABEL } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { parseDuration } from "../api/duration.ts";
import type { Backup, BackupPolicy, ScheduleStatus } from "../api/kinds.generated.ts";
import { isEnded } from "./backup-record.ts";
import type { MetricName, Sample } from "./metrics-table.ts";

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

/** What one backup of this cluster adds to counters and histograms, whether it still exists or not. */
export function countedSamples(backup: Backup): Sample[] {
  const { startTimestamp, completionTimestamp, warnings = 0, hookStatus } = backup.status ?? {};
  const phase = outcomeOf(backup);
  const labels = originLabels(backup);
  const samples: Sample[] = [];
  const add = (name: MetricName, value = 1): void => void samples.push({ name, labels, value });
  if (startTimestamp !== undefined) add("holdfast_backup_attempt_total");
  if (phase === undefined || !isEnded(phase)) return samples;
  const counter = ENDED_COUNTERS[phase];
  if (counter !== undefined) add(counter);
  if (warnings > 0) add("holdfast_backup_warning_total");
  const seconds = secondsBetween(startTimestamp, completionTimestamp);
  if (seconds !== undefined) add("holdfast_backup_duration_seconds", seconds);
  add("holdfast_backup_hooks_attempted_total", hookStatus?.hooksAttempted ?? 0);
  add("holdfast_backup_hooks_failed_total", hookStatus?.hooksFailed ?? 0);
  return samples;
}

/** How it ended, although it is being deleted by now: a counter does not go down. */
function outcomeOf({ status }: Backup): string | undefined {
  const phase: string | undefined = status?.phase;
  if (phase !== "Deleting" && phase !== "Deleted") return phase;
  const { reason } = findCondition(status?.conditions, "Succeeded") ?? {};
  return reason === undefined || isEnded(reason) ? reason : "Failed";
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
  if (isBlocked || metadata.labels?.[GC_FAILURE_LABEL] !== undefined) return true;
  const isWanted =
    status?.phase === "Deleting" || metadata.annotations?.[DELETE_REQUESTED_ANNOTATION] === metadata.name;
  return isWanted && findCondition(status?.conditions, "Stalled")?.status === "True";
}

/** When it began, for an order by time; 0 when that is not known. */
function beganAt({ metadata, status }: Backup): number {
  return Date.parse(status?.startTimestamp ?? metadata.creationTimestamp ?? "") || 0;
}

/** Seconds since the epoch, or undefined for no time. */
export function secondsOf(time: string | undefined): number | undefined {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** Seconds from one time to another, or undefined where one is missing. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  const [start, end] = [secondsOf(from), secondsOf(to)];
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}
