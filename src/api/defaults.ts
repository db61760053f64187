/**
 * Defaults, applied when a spec is read and never written into it: an upgrade that changes one changes no digest and
 * causes no drift.
 */
import { parseDuration } from "./duration.ts";
import type {
  BackupPolicySpec,
  BackupStorageLocationSpec,
  ForgeSpec,
  GitSourceSpec,
  RestorePlanSpec,
  Schedule,
} from "./kinds.generated.ts";

export const DEFAULT_TTL = "720h0m0s";
/** How long the backup made before a restore is kept. */
export const SAFETY_TTL = "168h0m0s";
const ONE_MINUTE_MS = 60_000;

/** `T` with the named fields always there. */
export type WithDefaults<T, K extends keyof T> = T & { readonly [F in K]-?: NonNullable<T[F]> };

/** A policy's spec with its switches and every schedule complete. */
export function policyDefaults(spec: BackupPolicySpec): WithDefaults<
  BackupPolicySpec,
  "template" | "suspend" | "catchUp"
> & {
  readonly schedules: readonly ScheduleWithDefaults[];
} {
  return {
    ...spec,
    template: spec.template ?? {},
    suspend: spec.suspend ?? false,
    catchUp: spec.catchUp ?? true,
    schedules: spec.schedules.map((schedule) => scheduleDefaults(schedule, spec)),
  };
}

export type ScheduleWithDefaults = WithDefaults<
  Schedule,
  "timeZone" | "ttl" | "firstRun" | "jitter" | "overlap" | "suspend"
>;

/** One schedule, complete: its ttl is its own, else the template's, else 720h; it is suspended when its policy is. */
export function scheduleDefaults(
  schedule: Schedule,
  policy: Pick<BackupPolicySpec, "template" | "suspend">,
): ScheduleWithDefaults {
  return {
    ...schedule,
    timeZone: schedule.timeZone ?? "UTC",
    ttl: schedule.ttl ?? policy.template?.ttl ?? DEFAULT_TTL,
    firstRun: schedule.firstRun ?? "Slot",
    jitter: schedule.jitter ?? "0s",
    overlap: schedule.overlap ?? "Forbid",
    suspend: (schedule.suspend ?? false) || (policy.suspend ?? false),
  };
}

/** A location's spec with access mode and its two intervals in ms. */
export function locationDefaults(spec: BackupStorageLocationSpec): WithDefaults<
  BackupStorageLocationSpec,
  "accessMode" | "default"
> & {
  readonly validationFrequencyMs: number;
  readonly syncPeriodMs: number;
} {
  return {
    ...spec,
    accessMode: spec.accessMode ?? "ReadWrite",
    default: spec.default ?? false,
    validationFrequencyMs: durationOr(spec.validationFrequency, ONE_MINUTE_MS),
    syncPeriodMs: durationOr(spec.syncPeriod, ONE_MINUTE_MS),
  };
}

/** A source's spec for a cluster of this name. */
export function gitSourceDefaults(
  spec: GitSourceSpec,
  cluster: string,
): WithDefaults<GitSourceSpec, "mode" | "prune" | "suspend" | "statusBranch" | "path"> & {
  readonly intervalMs: number;
  readonly branch: string;
  /** The path as Git has it: "" for the root. */
  readonly folder: string;
} {
  return {
    ...spec,
    branch: spec.ref?.branch ?? "main",
    path: spec.path ?? "",
    folder: (spec.path ?? "").replace(/^(\.\/|\.$)/, "").replace(/\/+$/, ""),
    intervalMs: durationOr(spec.interval, ONE_MINUTE_MS),
    mode: spec.mode ?? "Apply",
    prune: spec.prune ?? false,
    suspend: spec.suspend ?? false,
    statusBranch: spec.statusBranch ?? `holdfast/${cluster}`,
  };
}

/** How pull requests are answered. */
export function forgeDefaults(
  forge: ForgeSpec,
  sourceIntervalMs: number,
): WithDefaults<ForgeSpec, "answerForks" | "answerDrafts" | "hideValues" | "statusPrefix"> & {
  readonly intervalMs: number;
} {
  return {
    ...forge,
    answerForks: forge.answerForks ?? false,
    answerDrafts: forge.answerDrafts ?? false,
    hideValues: forge.hideValues ?? false,
    statusPrefix: forge.statusPrefix ?? "holdfast",
    intervalMs: durationOr(forge.interval, sourceIntervalMs),
  };
}

type RestoreDefaulted = "existingResourcePolicy" | "approval" | "safetyBackup" | "gitOpsOwners" | "preserveNodePorts";

/** A restore's spec, complete: `none`, approval by Merge, safety backup On, owners paused. */
export function restoreDefaults(spec: RestorePlanSpec): WithDefaults<RestorePlanSpec, RestoreDefaulted> & {
  readonly approval: { readonly mode: "Merge" | "PlanDigest" };
  readonly safetyBackup: { readonly mode: "On" | "Off" };
} {
  return {
    ...spec,
    existingResourcePolicy: spec.existingResourcePolicy ?? "none",
    approval: { ...spec.approval, mode: spec.approval?.mode ?? "Merge" },
    safetyBackup: { ...spec.safetyBackup, mode: spec.safetyBackup?.mode ?? "On" },
    gitOpsOwners: spec.gitOpsOwners ?? "Pause",
    preserveNodePorts: spec.preserveNodePorts ?? false,
  };
}

/** Milliseconds of a duration that validation has let through, or the default. */
function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : (parseDuration(text) ?? defaultMs);
}
