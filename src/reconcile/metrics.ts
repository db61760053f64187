import { DELETE_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { scheduleDefaults } from "../api/defaults.ts";
import type { Condition } from "../api/kinds.generated.ts";
import { KINDS, type KindName } from "../api/kinds.ts";
import { formatKey, type KubeObject, keyOf } from "../api/object.ts";
import { endedId, isEnded, isOver } from "../report/backup-record.ts";
import {
  backupGauges,
  countedSamples,
  isDeletionFailing,
  type OriginLabels,
  originLabels,
  scheduleGauges,
  seriesKey,
} from "../report/backup-samples.ts";
import { METRICS, type MetricName, type Sample } from "../report/metrics-table.ts";
import { restoreFolder } from "../report/record-paths.ts";
import { restoreCounts, restoreGauges, restoreOrigin } from "../report/restore-samples.ts";
import { intervalMs } from "../schedule/due.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live, LiveListener } from "./live-objects.ts";
import { SYNCED_ANNOTATION } from "./marker-plan.ts";
import type { RecordedCounts } from "./recorded-counts.ts";

/** What the metrics are read from, besides the objects. */
export interface MetricsParts extends Pick<ReconcileDeps, "live" | "sources" | "runs" | "record" | "clock"> {
  readonly cluster: string;
  /** Keys waiting and in work. */
  readonly depth: () => number;
  /** Failed reconciles so far. */
  readonly failures: () => number;
  /** Failed attempts in a row to write the record. */
  readonly recordFailures: () => number;
}

/** The metrics of one leadership. */
export interface MetricsReader {
  /** Told of every change, before and after: what is deleted has been counted and stays so. */
  readonly onChange: LiveListener;
  /** What this process has counted by itself, for whoever reads the record. */
  known(): ReadonlySet<string>;
  /** Counters are whole from now on; where there is a record they are not served before. */
  setRecorded(counts: RecordedCounts): void;
  samples(): Sample[];
}

const HOUR_MS = 3_600_000;

/**
 * Reads metrics off the objects that exist and off the record, so that a restart changes none: gauges are whole as soon
 * as everything is listed, counters as soon as the record was read.
 */
export function createMetricsReader(parts: MetricsParts): MetricsReader {
  const { live, clock, cluster } = parts;
  /** What objects that are gone had added to counters: the same one coming back counts once. */
  const gone = new Map<string, readonly Sample[]>();
  const deletions: Sample[] = [];
  const intervals = createIntervals();
  let recorded: RecordedCounts | undefined;

  const isOurs = (backup: Live<"Backup">): boolean =>
    backup.status?.cluster === undefined
      ? backup.metadata.annotations?.[SYNCED_ANNOTATION] === undefined
      : backup.status.cluster === cluster;

  function countsOf(kind: KindName, object: KubeObject): readonly Sample[] {
    const id = recordedId(kind, object);
    if (id !== undefined && recorded?.ids.has(id) === true) return [];
    if (kind === "Backup") return isOurs(object as Live<"Backup">) ? countedSamples(object as Live<"Backup">) : [];
    if (kind !== "RestorePlan") return [];
    const plan = object as Live<"RestorePlan">;
    return restoreCounts(plan, restoreLabels(live, plan));
  }

  /** Half of a counter is none: Prometheus would take the other half for an increase. */
  function servable(samples: readonly Sample[]): readonly Sample[] {
    if (recorded !== undefined || !parts.sources.hasRecord()) return [...samples, ...(recorded?.samples ?? [])];
    return samples.filter(({ name }) => METRICS[name].type === "gauge");
  }

  function backupSamples(): Sample[] {
    const all = live.list("Backup");
    const ours = all.filter(isOurs);
    const ended = new Set(
      ours.filter(({ status }) => isEnded(status?.phase)).map((each) => seriesKey(originLabels(each))),
    );
    const nowMs = clock.now();
    return [
      ...live.list("BackupPolicy").flatMap((policy) => scheduleGauges(policy, ended, nowMs)),
      ...intervals.samples(live.list("BackupPolicy"), nowMs),
      ...tally("holdfast_backup_total", all.map(originLabels)),
      ...ours.flatMap((backup) => countsOf("Backup", backup)),
      ...backupGauges(ours, nowMs),
      ...deletions,
    ];
  }

  function restoreSamples(): Sample[] {
    const plans = live.list("RestorePlan");
    const running = plans.filter(({ status }) => status?.phase === "InProgress");
    const labelsOf = (plan: Live<"RestorePlan">): OriginLabels => restoreLabels(live, plan);
    return [
      ...tally("holdfast_restore_total", plans.map(labelsOf)),
      ...tally("holdfast_restore_in_progress", running.map(labelsOf)),
      ...plans.flatMap((plan) => countsOf("RestorePlan", plan)),
      ...restoreGauges(plans),
    ];
  }

  return {
    onChange: (kind, key, object, before) => {
      const id = `${kind} ${formatKey(key)}`;
      const [was, is] = [before, object].map((each) => each && recordedId(kind, each));
      for (const back of object === undefined ? [] : [id, is]) gone.delete(back ?? "");
      // under its name there may be another one now: a backup that was made again, a restore that runs again
      const isGone = object === undefined || (was !== undefined && was !== is);
      if (before !== undefined && isGone) gone.set(was ?? id, countsOf(kind, before));
      if (kind === "Backup")
        deletions.push(...deletionSteps(before as Live<"Backup"> | undefined, object as Live<"Backup"> | undefined));
    },
    known: () => {
      const ids = (["Backup", "RestorePlan"] as const).flatMap((kind) =>
        live.list(kind).map((object) => (isFromLedger(object) ? undefined : recordedId(kind, object))),
      );
      return new Set([...gone.keys(), ...ids.filter((id) => id !== undefined)]);
    },
    setRecorded: (counts) => {
      recorded = counts;
    },
    samples: () => [
      ...servable([...backupSamples(), ...restoreSamples(), ...[...gone.values()].flat()]),
      ...locationSamples(live.list("BackupStorageLocation")),
      ...gitSamples(parts),
      ...stalledSamples(parts),
      sample("holdfast_queue_depth", parts.depth()),
      sample("holdfast_runs_active", parts.runs.active()),
      sample("holdfast_reconcile_failures_total", parts.failures()),
    ],
  };
}

function sample(name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): Sample {
  return { name, labels, value };
}

/** One gauge per series: how many there are. */
function tally(name: MetricName, series: readonly OriginLabels[]): Sample[] {
  return [...Map.groupBy(series, seriesKey).values()].map((same) => sample(name, same.length, same[0]));
}

/** What the record calls a backup that is over or a restore that was begun; undefined for what it does not tell of. */
function recordedId(kind: KindName, object: KubeObject): string | undefined {
  if (kind === "Backup") {
    const { metadata, status } = object as Live<"Backup">;
    return isOver(status?.phase) ? endedId(metadata.name, status?.completionTimestamp) : undefined;
  }
  if (kind !== "RestorePlan") return undefined;
  const { run } = (object as Live<"RestorePlan">).status ?? {};
  return run === undefined ? undefined : restoreFolder(keyOf(object), run.id);
}

/** A restore of which the cluster knows only what the ledger does: the record of its run knows more. */
function isFromLedger({ status }: Live<"Backup" | "RestorePlan">): boolean {
  return findCondition(status?.conditions, "Ready")?.reason === "AlreadyRun";
}

/** Whose backup a restore is made from; its namespace is the RestorePlan's own. */
function restoreLabels(live: ReconcileDeps["live"], { metadata, spec, status }: Live<"RestorePlan">): OriginLabels {
  const namespace = metadata.namespace ?? "";
  const told = restoreOrigin(namespace, spec.source, status?.backup);
  if (told.policy !== "") return told;
  const name = status?.backup?.name ?? spec.source.backupName ?? "";
  const at = status?.backup?.namespace ?? namespace;
  const backup = live.get("Backup", { namespace: at, name }) ?? live.get("Backup", { namespace, name });
  const { policy: origin } = backup?.status ?? {};
  return { namespace, policy: origin?.name ?? "", schedule: origin?.schedule ?? "" };
}

function isDeletionWanted({ metadata, status }: Live<"Backup">): boolean {
  return status?.phase === "Deleting" || metadata.annotations?.[DELETE_REQUESTED_ANNOTATION] === metadata.name;
}

function phaseOf({ status }: Live<"Backup">): string | undefined {
  return status?.phase;
}

/** Steps of a deletion that one change shows. */
function deletionSteps(before: Live<"Backup"> | undefined, after: Live<"Backup"> | undefined): Sample[] {
  const steps: Sample[] = [];
  const labels = originLabels((after ?? before) as Live<"Backup">);
  if (before === undefined && after !== undefined && phaseOf(after) === "Deleted") {
    // declared in Git, and deleted before this process began
    const isByUs = findCondition(after.status?.conditions, "Ready")?.reason === "Deleted";
    const names = ["holdfast_backup_deletion_attempt_total", "holdfast_backup_deletion_success_total"] as const;
    return isByUs ? names.map((name) => sample(name, 1, labels)) : [];
  }
  const wasWanted = before !== undefined && isDeletionWanted(before);
  if (after !== undefined && isDeletionWanted(after) && !wasWanted)
    steps.push(sample("holdfast_backup_deletion_attempt_total", 1, labels));
  const isGone = after === undefined || phaseOf(after) === "Deleted";
  if (isGone && wasWanted && phaseOf(before) !== "Deleted")
    steps.push(sample("holdfast_backup_deletion_success_total", 1, labels));
  const wasFailing = before !== undefined && isDeletionFailing(before);
  if (after !== undefined && isDeletionFailing(after) && !wasFailing)
    steps.push(sample("holdfast_backup_deletion_failure_total", 1, labels));
  return steps;
}

function locationSamples(locations: readonly Live<"BackupStorageLocation">[]): Sample[] {
  return locations.flatMap(({ metadata, status }) => {
    const labels = { namespace: metadata.namespace ?? "", backup_location_name: metadata.name };
    if (status?.phase === undefined) return [];
    const isUp = status.phase === "Available";
    return [
      sample("holdfast_backup_location_status_gauge", isUp ? 1 : 0, labels),
      sample("holdfast_backup_location_backups", status.backups ?? 0, labels),
    ];
  });
}

function gitSamples({ sources, record, clock, recordFailures }: MetricsParts): Sample[] {
  const since = record.pendingSinceMs();
  const pendingMs = since === undefined || !record.isConfigured() ? 0 : clock.monotonic() - since;
  return [
    ...[...sources.fetched()].map(([source, atMs]) =>
      sample("holdfast_git_last_fetch_timestamp", Math.floor(atMs / 1000), { source }),
    ),
    sample("holdfast_git_record_pending_seconds", pendingMs / 1000),
    sample("holdfast_git_record_failures", recordFailures()),
  ];
}

function stalledSamples({ live, sources }: MetricsParts): Sample[] {
  const flagged = sources.flagged as KubeObject | undefined;
  const all: KubeObject[] = [...KINDS.flatMap(({ kind }) => live.list(kind)), ...(flagged ? [flagged] : [])];
  return all.flatMap(({ kind, metadata, status }) => {
    const { conditions } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
    const stalled = findCondition(conditions, "Stalled");
    if (stalled?.status !== "True") return [];
    const { namespace = "", name } = metadata;
    return [sample("holdfast_stalled", 1, { kind, namespace, name, reason: stalled.reason })];
  });
}

/** How far apart slots are; worked out once an hour and line, since it costs more than all the rest. */
function createIntervals(): { samples(policies: readonly Live<"BackupPolicy">[], nowMs: number): Sample[] } {
  let hour = -1;
  const known = new Map<string, number | undefined>();
  return {
    samples: (policies, nowMs) => {
      const current = Math.floor(nowMs / HOUR_MS);
      if (current !== hour) known.clear();
      hour = current;
      return policies.flatMap(({ metadata, spec }) =>
        spec.schedules.flatMap((schedule) => {
          const { cron, timeZone, name } = scheduleDefaults(schedule, spec);
          const line = `${timeZone} ${cron}`;
          const createdMs = Date.parse(metadata.creationTimestamp ?? "") || nowMs;
          if (!known.has(line)) known.set(line, intervalMs({ cron, timeZone, createdMs, nowMs }));
          const ms = known.get(line);
          const labels = { namespace: metadata.namespace ?? "", policy: metadata.name, schedule: name };
          return ms === undefined ? [] : [sample("holdfast_schedule_expected_interval_seconds", ms / 1000, labels)];
        }),
      );
    },
  };
}
