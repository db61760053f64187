import type { HookStatus, ResolvedBackup, RestorePlan, RestorePlanSpec } from "../api/kinds.generated.ts";
import { isEnded } from "./backup-record.ts";
import type { OriginLabels } from "./backup-samples.ts";
import type { MetricName, Sample } from "./metrics-table.ts";
import type { RestoreRecord } from "./restore-record.ts";
import { secondsBetween, secondsOf } from "./seconds.ts";

const ENDED_COUNTERS: Readonly<Record<string, MetricName>> = {
  Completed: "holdfast_restore_success_total",
  PartiallyFailed: "holdfast_restore_partial_failure_total",
  Failed: "holdfast_restore_failed_total",
  FailedValidation: "holdfast_restore_validation_failed_total",
};

/** What counters need to know of one restore. */
interface Counted {
  readonly startTimestamp?: string;
  readonly completionTimestamp?: string;
  readonly phase?: string;
  readonly warnings?: number;
  readonly hooks?: HookStatus | undefined;
}

/** What one restore adds to counters and histograms. `labels` are those of the backup it is made from. */
export function restoreCounts({ status = {} }: RestorePlan, labels: OriginLabels): Sample[] {
  return samplesOf({ ...status, hooks: status.hookStatus }, labels);
}

/** The same of one that only the record knows any more. */
export function recordedRestoreCounts(record: RestoreRecord): Sample[] {
  return samplesOf(record, restoreOrigin(record.namespace ?? "", record.source ?? {}, record.backup));
}

/** Whose backup a restore is made from, as far as its RestorePlan tells; `namespace` is the plan's own. */
export function restoreOrigin(
  namespace: string,
  { policy }: RestorePlanSpec["source"],
  backup: ResolvedBackup | undefined,
): OriginLabels {
  if (policy !== undefined) return { namespace, policy: policy.name, schedule: policy.schedule ?? "" };
  return { namespace, policy: backup?.policy ?? "", schedule: backup?.schedule ?? "" };
}

function samplesOf(counted: Counted, labels: OriginLabels): Sample[] {
  const { phase, startTimestamp, completionTimestamp, warnings = 0, hooks } = counted;
  const samples: Sample[] = [];
  const add = (name: MetricName, value = 1): void => void samples.push({ name, labels, value });
  if (startTimestamp !== undefined) add("holdfast_restore_attempt_total");
  if (phase === undefined || !isEnded(phase)) return samples;
  const counter = ENDED_COUNTERS[phase];
  if (counter !== undefined) add(counter);
  if (warnings > 0) add("holdfast_restore_warning_total");
  const seconds = secondsBetween(startTimestamp, completionTimestamp);
  if (seconds !== undefined) add("holdfast_restore_duration_seconds", seconds);
  add("holdfast_restore_hooks_attempted_total", hooks?.hooksAttempted ?? 0);
  add("holdfast_restore_hooks_failed_total", hooks?.hooksFailed ?? 0);
  return samples;
}

/** How RestorePlans stand now: a series per plan that ended, since each is one a person asked for. */
export function restoreGauges(plans: readonly RestorePlan[]): Sample[] {
  return plans.flatMap(({ metadata, status }) => {
    const ended = isEnded(status?.phase) ? secondsOf(status?.completionTimestamp) : undefined;
    if (ended === undefined) return [];
    const labels = { namespace: metadata.namespace ?? "", restore: metadata.name, phase: status?.phase ?? "" };
    return [{ name: "holdfast_restore_end_timestamp", labels, value: ended } as const];
  });
}
