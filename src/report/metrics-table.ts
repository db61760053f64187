/**
 * Every metric Holdfast serves, as data: the registry, `docs/metrics.md`, the alerts and the dashboard are made from or
 * checked against this table. Names are Velero's with the prefix `holdfast_` where Velero has the metric.
 */

export interface MetricDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** Velero's, in seconds. */
const RUN_SECONDS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400];
/** Whose backup it is: the policy's namespace and name (`policy` empty: asked for by hand) and the schedule (`manual`, `safety`). */
const ORIGIN = ["namespace", "policy", "schedule"] as const;

function counter(help: string, labels: readonly string[]): MetricDefinition {
  return { type: "counter", help, labels };
}

function gauge(help: string, labels: readonly string[]): MetricDefinition {
  return { type: "gauge", help, labels };
}

function durations(help: string, labels: readonly string[]): MetricDefinition {
  return { type: "histogram", help, labels, buckets: RUN_SECONDS };
}

export const METRICS = {
  // backups
  holdfast_backup_total: gauge("Backups that exist, of whatever cluster.", ORIGIN),
  holdfast_backup_attempt_total: counter("Backups that were begun.", ORIGIN),
  holdfast_backup_success_total: counter("Backups that completed.", ORIGIN),
  holdfast_backup_partial_failure_total: counter("Backups that lack something: PartiallyFailed.", ORIGIN),
  holdfast_backup_failure_total: counter("Backups that failed.", ORIGIN),
  holdfast_backup_validation_failure_total: counter("Backups that were refused before they began.", ORIGIN),
  holdfast_backup_warning_total: counter("Backups that ended with warnings.", ORIGIN),
  holdfast_backup_duration_seconds: durations("How long backups took.", ORIGIN),
  holdfast_backup_tarball_size_bytes: gauge("Size of the newest good backup's archive.", ORIGIN),
  holdfast_backup_items_total: gauge("Objects in the newest backup that ended.", ORIGIN),
  holdfast_backup_items_errors: gauge("Errors of the newest backup that ended.", ORIGIN),
  holdfast_backup_unprotected_volumes: gauge("Volumes whose data is not in the newest backup that ended.", ORIGIN),
  holdfast_backup_last_successful_timestamp: gauge("When the newest good backup completed, in seconds.", ORIGIN),
  holdfast_backup_last_status: gauge("1 when the newest backup that ended completed, else 0.", ORIGIN),
  holdfast_backup_last_phase: gauge("1 for the phase of the newest backup that ended.", [...ORIGIN, "phase"]),
  holdfast_backup_in_progress: gauge("Backups that run now.", ORIGIN),
  holdfast_backup_expired: gauge("Backups that are kept beyond their expiration, the newest good one aside.", ORIGIN),
  holdfast_backup_hooks_attempted_total: counter("Hooks that backups ran.", ORIGIN),
  holdfast_backup_hooks_failed_total: counter("Hooks of backups that failed.", ORIGIN),
  holdfast_backup_deletion_attempt_total: counter("Deletions of backups that were begun.", ORIGIN),
  holdfast_backup_deletion_success_total: counter("Backups whose data was deleted.", ORIGIN),
  holdfast_backup_deletion_failure_total: counter("Deletions of backups that failed.", ORIGIN),
  holdfast_backup_deletion_failing: gauge("Backups that are to be deleted and can't be.", ORIGIN),
  holdfast_schedule_expected_interval_seconds: gauge("Time between the next two slots.", ORIGIN),
  holdfast_schedule_due_timestamp: gauge("The newest slot that has come, in seconds; absent while suspended.", ORIGIN),
  // restores
  holdfast_restore_total: gauge("RestorePlans that exist.", ORIGIN),
  holdfast_restore_attempt_total: counter("Restores that were begun.", ORIGIN),
  holdfast_restore_success_total: counter("Restores that completed.", ORIGIN),
  holdfast_restore_partial_failure_total: counter("Restores with an error or a refused patch.", ORIGIN),
  holdfast_restore_failed_total: counter("Restores that failed.", ORIGIN),
  holdfast_restore_validation_failed_total: counter("Restores that were refused before they began.", ORIGIN),
  holdfast_restore_warning_total: counter("Restores that ended with warnings.", ORIGIN),
  holdfast_restore_duration_seconds: durations("How long restores took.", ORIGIN),
  holdfast_restore_in_progress: gauge("Restores that run now.", ORIGIN),
  holdfast_restore_hooks_attempted_total: counter("Hooks that restores ran.", ORIGIN),
  holdfast_restore_hooks_failed_total: counter("Hooks of restores that failed.", ORIGIN),
  holdfast_restore_end_timestamp: gauge("When a RestorePlan's run ended, in seconds, and how.", [
    "namespace",
    "restore",
    "phase",
  ]),
  // locations
  holdfast_backup_location_status_gauge: gauge("1 when the location can be reached, else 0.", [
    "namespace",
    "backup_location_name",
  ]),
  holdfast_backup_location_backups: gauge("Restorable backups that were seen in the location.", [
    "namespace",
    "backup_location_name",
  ]),
  // Git
  holdfast_git_last_fetch_timestamp: gauge("When the branch of a source was last read, in seconds.", ["source"]),
  holdfast_git_record_pending_seconds: gauge("Age of the oldest record that is not on the status branch.", []),
  holdfast_git_record_failures: gauge("Failed attempts in a row to write the record in Git.", []),
  // the process
  holdfast_stalled: gauge("1 for each object that only a commit or a person can help.", [
    "kind",
    "namespace",
    "name",
    "reason",
  ]),
  holdfast_queue_depth: gauge("Objects waiting to be reconciled or being reconciled.", []),
  holdfast_runs_active: gauge("Backups and restores that this process works on.", []),
  holdfast_reconcile_failures_total: counter("Reconciles that failed since this process leads.", []),
  holdfast_notification_total: counter("Notifications since this process began: sent, failed or dropped.", ["outcome"]),
  holdfast_leader: gauge("1 while this process leads.", []),
  holdfast_ready: gauge("1 when every kind was listed once, or another process leads.", []),
  holdfast_build_info: gauge("1, with the version.", ["version"]),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

/** One value, or for a histogram one observation, of one series. */
export interface Sample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of an observation: how many times it was made; once unless told. */
  readonly times?: number;
}
