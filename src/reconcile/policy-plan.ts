import { PURPOSE_LABEL } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { policyDefaults, type ScheduleWithDefaults, scheduleDefaults } from "../api/defaults.ts";
import { parseDuration } from "../api/duration.ts";
import type { Backup, BackupPolicy, BackupPolicyStatus, ScheduleStatus } from "../api/kinds.generated.ts";
import { rfc3339 } from "../clock.ts";
import { isEnded, isOver } from "../report/backup-record.ts";
import { type Due, due } from "../schedule/due.ts";
import { backupName, parseBackupName } from "../schedule/slot-name.ts";

/** A backup that is to be asked for. Its name says which slot it is of, so that asking twice is asking once. */
export interface BackupToCreate {
  readonly name: string;
  readonly schedule: string;
  readonly ttl: string;
}

export interface PolicyPlan {
  readonly creates: readonly BackupToCreate[];
  /** Status without its conditions, as it is when `creates` are made. */
  readonly status: Omit<BackupPolicyStatus, "conditions" | "observedGeneration" | "phase">;
  /** What is wrong with a schedule line; empty when all can run. */
  readonly problems: readonly string[];
  /** When to look again, ms since the epoch; undefined when nothing is scheduled. */
  readonly lookAtMs: number | undefined;
  /** Schedules whose newest ended run did not complete. */
  readonly failing: readonly string[];
  /** Whether any run has ended yet. */
  readonly hasRun: boolean;
}

export interface PolicyPlanInput {
  readonly policy: BackupPolicy;
  /** All backups of the policy, ended or not. */
  readonly backups: readonly Backup[];
  readonly cluster: string;
  readonly ownNamespace: string;
  /** False while backups can't be made (no location, restore only): slots wait, and run once when it is true again. */
  readonly mayRun: boolean;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/** One backup of a schedule, with the slot its name tells. */
interface SlotRun {
  readonly backup: Backup;
  readonly slotMs: number;
  readonly rerun: number;
}

/** What one policy needs now, for all its schedules. Pure: twice is once. */
export function planPolicy(input: PolicyPlanInput): PolicyPlan {
  const { spec } = input.policy;
  const runs = runsBySchedule(input);
  const plans = spec.schedules.map((schedule) =>
    planSchedule(input, scheduleDefaults(schedule, spec), runs.get(schedule.name) ?? []),
  );
  const newest = plans
    .flatMap(({ newest }) => (newest === undefined ? [] : [newest]))
    .sort((a, b) => b.slotMs - a.slotMs)[0];
  const nextSlots = plans.flatMap(({ status }) => (status.nextSlot === undefined ? [] : [status.nextSlot])).sort();
  const looks = plans.flatMap(({ lookAtMs }) => (lookAtMs === undefined ? [] : [lookAtMs]));
  const nextRun = nextSlots[0];
  return {
    creates: plans.flatMap(({ creates }) => creates),
    status: {
      schedules: plans.map(({ status }) => status),
      ...(newest === undefined ? {} : { lastBackup: newest.name, lastPhase: newest.phase }),
      ...(nextRun === undefined ? {} : { nextRun }),
    },
    problems: plans.flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    lookAtMs: looks.length === 0 ? undefined : Math.min(...looks),
    failing: plans.filter(({ isFailing }) => isFailing).map(({ status }) => status.name),
    hasRun: plans.some(({ hasRun }) => hasRun),
  };
}

interface SchedulePlan {
  readonly creates: readonly BackupToCreate[];
  readonly status: ScheduleStatus;
  readonly problem: string | undefined;
  readonly lookAtMs: number | undefined;
  readonly newest: { readonly name: string; readonly phase: string; readonly slotMs: number } | undefined;
  readonly isFailing: boolean;
  readonly hasRun: boolean;
}

function planSchedule(input: PolicyPlanInput, schedule: ScheduleWithDefaults, runs: readonly SlotRun[]): SchedulePlan {
  const before = input.policy.status?.schedules?.find(({ name }) => name === schedule.name);
  const history = historyOf(input, schedule, before);
  const lastSlotMs = latest(before?.lastSlot, runs[0]?.slotMs);
  const decision = due({
    ...history,
    cron: schedule.cron,
    timeZone: schedule.timeZone,
    lastSlotMs,
    nowMs: input.nowMs,
    catchUp: policyDefaults(input.policy.spec).catchUp,
    firstRun: schedule.firstRun,
    jitterMs: parseDuration(schedule.jitter) ?? 0,
    jitterSeed: `${input.cluster}/${input.policy.metadata.namespace}/${input.policy.metadata.name}/${schedule.name}`,
    suspended: schedule.suspend,
    isBlocked: schedule.overlap === "Forbid" && runs.some(({ backup }) => !isOver(backup.status?.phase)),
  });
  const create = decision.type === "due" && input.mayRun ? slotBackup(input, schedule, decision.slotMs) : undefined;
  const rerun = create === undefined && input.mayRun && !schedule.suspend ? rerunOf(runs, schedule) : undefined;
  const creates = [create, rerun].filter((each) => each !== undefined);
  const settledMs = create !== undefined || decision.type === "missed" ? slotOf(decision) : undefined;
  const doneMs = settledMs ?? lastSlotMs;
  const newest =
    creates[0] === undefined ? newestRun(runs, before) : { name: creates[0].name, phase: "New", slotMs: doneMs ?? 0 };
  const status = scheduleStatus(schedule, {
    before,
    runs,
    newest,
    lastSlotMs: doneMs,
    resumedMs: history.resumedMs,
    decision,
  });
  const ended = runs.find(({ backup }) => isEnded(backup.status?.phase))?.backup.status?.phase ?? endedBefore(before);
  return {
    creates,
    status,
    problem: decision.type === "invalid" ? `schedule ${schedule.name}: ${decision.message}` : undefined,
    lookAtMs: lookAt(decision, settledMs !== undefined),
    newest,
    isFailing: ended !== undefined && ended !== "Completed",
    hasRun: ended !== undefined,
  };
}

function endedBefore(before: ScheduleStatus | undefined): string | undefined {
  return isEnded(before?.lastPhase) ? before?.lastPhase : undefined;
}

/** Since when slots count: the policy's creation, the schedule's first sight, or its last resumption. */
function historyOf(
  { policy, nowMs }: PolicyPlanInput,
  schedule: ScheduleWithDefaults,
  before: ScheduleStatus | undefined,
): { readonly createdMs: number; readonly resumedMs: number | undefined } {
  const createdMs = Date.parse(policy.metadata.creationTimestamp ?? "") || nowMs;
  const resumedAt = before?.resumedAt === undefined ? undefined : Date.parse(before.resumedAt);
  if (before?.suspended === true && !schedule.suspend) return { createdMs, resumedMs: nowMs };
  // a schedule that an older policy gets later has missed nothing
  const isAdded = before === undefined && (policy.status?.schedules?.length ?? 0) > 0;
  if (isAdded) return { createdMs: nowMs, resumedMs: schedule.firstRun === "Immediate" ? undefined : nowMs };
  return { createdMs, resumedMs: resumedAt };
}

function slotBackup(
  { policy, ownNamespace }: PolicyPlanInput,
  schedule: ScheduleWithDefaults,
  slotMs: number,
): BackupToCreate {
  const { name, namespace = "" } = policy.metadata;
  const parts = { policy: name, namespace, schedule: schedule.name, slotMs };
  return { name: backupName(parts, ownNamespace), schedule: schedule.name, ttl: schedule.ttl };
}

/** An interrupted run of the newest slot is made up once, under a name of its own. */
function rerunOf(runs: readonly SlotRun[], schedule: ScheduleWithDefaults): BackupToCreate | undefined {
  const [newest] = runs;
  if (newest === undefined || newest.rerun > 0) return undefined;
  const reason = findCondition(newest.backup.status?.conditions, "Succeeded")?.reason;
  if (newest.backup.status?.phase !== "Failed" || reason !== "Interrupted") return undefined;
  return { name: `${newest.backup.metadata.name}-r1`, schedule: schedule.name, ttl: schedule.ttl };
}

function scheduleStatus(
  schedule: ScheduleWithDefaults,
  facts: {
    readonly before: ScheduleStatus | undefined;
    readonly runs: readonly SlotRun[];
    readonly newest: { readonly name: string; readonly phase: string } | undefined;
    readonly lastSlotMs: number | undefined;
    readonly resumedMs: number | undefined;
    readonly decision: Due;
  },
): ScheduleStatus {
  const { newest, lastSlotMs, resumedMs, decision } = facts;
  const good = facts.runs.find(({ backup }) => backup.status?.phase === "Completed")?.backup;
  const lastSuccessfulBackup = good?.metadata.name ?? facts.before?.lastSuccessfulBackup;
  const lastSuccessfulTime = good?.status?.completionTimestamp ?? facts.before?.lastSuccessfulTime;
  const nextMs = nextOf(decision);
  return {
    name: schedule.name,
    ...(lastSlotMs === undefined ? {} : { lastSlot: rfc3339(lastSlotMs) }),
    ...(newest === undefined ? {} : { lastBackup: newest.name, lastPhase: newest.phase }),
    ...(lastSuccessfulBackup === undefined ? {} : { lastSuccessfulBackup }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    ...(nextMs === undefined ? {} : { nextSlot: rfc3339(nextMs) }),
    ...(schedule.suspend ? { suspended: true } : {}),
    ...(resumedMs === undefined ? {} : { resumedAt: rfc3339(resumedMs) }),
  };
}

function slotOf(decision: Due): number | undefined {
  return "slotMs" in decision ? decision.slotMs : undefined;
}

function nextOf(decision: Due): number | undefined {
  return "nextMs" in decision ? decision.nextMs : undefined;
}

function lookAt(decision: Due, isSettled: boolean): number | undefined {
  switch (decision.type) {
    case "wait":
      return decision.atMs;
    case "due":
    case "missed":
      return isSettled ? decision.nextMs : undefined;
    default:
      return undefined;
  }
}

/** The newest run there is, else the one that the status remembers: its Backup may be gone by now. */
function newestRun(
  runs: readonly SlotRun[],
  before: ScheduleStatus | undefined,
): { name: string; phase: string; slotMs: number } | undefined {
  const [run] = runs;
  if (run !== undefined)
    return { name: run.backup.metadata.name, phase: run.backup.status?.phase ?? "New", slotMs: run.slotMs };
  if (before?.lastBackup === undefined) return undefined;
  const slotMs = before.lastSlot === undefined ? 0 : Date.parse(before.lastSlot);
  return { name: before.lastBackup, phase: before.lastPhase ?? "New", slotMs };
}

/** The runs of each schedule, newest first; others' backups and safety backups don't count. */
function runsBySchedule({ backups, cluster, ownNamespace }: PolicyPlanInput): Map<string, SlotRun[]> {
  const runs = new Map<string, SlotRun[]>();
  for (const backup of backups) {
    const named = parseBackupName(backup.metadata.name, ownNamespace);
    if (named === undefined || backup.metadata.labels?.[PURPOSE_LABEL] !== undefined) continue;
    if (backup.status?.cluster !== undefined && backup.status.cluster !== cluster) continue;
    const ofSchedule = runs.get(named.schedule) ?? [];
    ofSchedule.push({ backup, slotMs: named.slotMs, rerun: named.rerun });
    runs.set(named.schedule, ofSchedule);
  }
  for (const ofSchedule of runs.values()) ofSchedule.sort((a, b) => b.slotMs - a.slotMs || b.rerun - a.rerun);
  return runs;
}

function latest(recorded: string | undefined, found: number | undefined): number | undefined {
  const recordedMs = recorded === undefined ? undefined : Date.parse(recorded);
  if (recordedMs === undefined) return found;
  return found === undefined ? recordedMs : Math.max(recordedMs, found);
}
