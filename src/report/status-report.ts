import type { BackupPolicy, BackupStorageLocation, Condition, GitSource, RestorePlan } from "../api/kinds.generated.ts";
import { compareText, type StaleSchedule, staleSchedules } from "./staleness.ts";

/** Everything `holdfast status` says, as data. Lists are sorted by name. */
export interface StatusReport {
  readonly sources: readonly SourceLine[];
  readonly locations: readonly LocationLine[];
  readonly schedules: readonly ScheduleLine[];
  readonly stale: readonly StaleSchedule[];
  readonly restores: readonly RestoreLine[];
}

/** What every line has: which object, whether it is ready, and what its condition says. */
export interface ObjectLine {
  /** `namespace/name`. */
  readonly name: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface SourceLine extends ObjectLine {
  readonly url: string;
  readonly revision: string | undefined;
  readonly problems: number;
}

export interface LocationLine extends ObjectLine {
  readonly phase: string;
  readonly backups: number;
  readonly isDefault: boolean;
}

export interface ScheduleLine extends ObjectLine {
  readonly schedule: string;
  readonly lastBackup: string | undefined;
  readonly lastPhase: string | undefined;
  readonly lastSuccess: string | undefined;
  readonly nextRun: string | undefined;
  readonly suspended: boolean;
}

export interface RestoreLine extends ObjectLine {
  readonly phase: string;
  readonly run: string | undefined;
  readonly backup: string | undefined;
  readonly done: number;
  readonly total: number;
}

export interface StatusInput {
  readonly sources: readonly GitSource[];
  readonly locations: readonly BackupStorageLocation[];
  readonly policies: readonly BackupPolicy[];
  readonly restores: readonly RestorePlan[];
  readonly readyOf: (object: {
    readonly status?: { readonly conditions?: readonly Condition[] };
  }) => Condition | undefined;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/** Gathers how everything stands. Pure. */
export function statusReport(input: StatusInput): StatusReport {
  const line = (object: Parameters<StatusInput["readyOf"]>[0] & Named): ObjectLine => {
    const ready = input.readyOf(object);
    return {
      name: `${object.metadata.namespace ?? ""}/${object.metadata.name}`,
      ready: ready?.status === "True",
      reason: ready?.reason ?? "NotSeen",
      message: ready?.message ?? "not looked at yet",
    };
  };
  return {
    sources: input.sources.map((source) => sourceLine(source, line(source))).sort(byName),
    locations: input.locations.map((location) => locationLine(location, line(location))).sort(byName),
    schedules: input.policies.flatMap((policy) => scheduleLines(policy, line(policy))).sort(byName),
    stale: staleSchedules(input.policies, input.nowMs),
    restores: input.restores.map((plan) => restoreLine(plan, line(plan))).sort(byName),
  };
}

interface Named {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

function sourceLine({ spec, status }: GitSource, line: ObjectLine): SourceLine {
  return { ...line, url: spec.url, revision: status?.lastAppliedRevision, problems: status?.problemCount ?? 0 };
}

function locationLine({ spec, status }: BackupStorageLocation, line: ObjectLine): LocationLine {
  return {
    ...line,
    phase: status?.phase ?? "Unknown",
    backups: status?.backups ?? 0,
    isDefault: spec.default === true,
  };
}

function scheduleLines(policy: BackupPolicy, line: ObjectLine): ScheduleLine[] {
  return policy.spec.schedules.map((schedule) => {
    const status = policy.status?.schedules?.find(({ name }) => name === schedule.name);
    return {
      ...line,
      schedule: schedule.name,
      lastBackup: status?.lastBackup,
      lastPhase: status?.lastPhase,
      lastSuccess: status?.lastSuccessfulTime,
      nextRun: status?.nextSlot,
      suspended: status?.suspended ?? (schedule.suspend === true || policy.spec.suspend === true),
    };
  });
}

function restoreLine({ status, spec }: RestorePlan, line: ObjectLine): RestoreLine {
  return {
    ...line,
    phase: status?.phase ?? "New",
    run: status?.run?.id,
    backup: status?.backup?.name ?? spec.source.backupName,
    done: status?.progress?.itemsRestored ?? 0,
    total: status?.progress?.totalItems ?? 0,
  };
}

function byName(a: ObjectLine, b: ObjectLine): number {
  return compareText(a.name, b.name);
}
