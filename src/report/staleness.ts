import type { BackupPolicy, ScheduleStatus } from "../api/kinds.generated.ts";

/** A schedule whose newest good backup is older than it promises. */
export interface StaleSchedule {
  readonly policy: string;
  readonly schedule: string;
  /** RFC 3339, UTC; absent where none ever completed. */
  readonly lastSuccess?: string;
  readonly message: string;
}

/** How long after a missed slot a schedule counts as stale: a run needs its time. */
export const STALE_MARGIN_MS = 15 * 60_000;

/**
 * Schedules that are stale at `nowMs`: the next slot passed a margin ago and was not run, or the newest run did not
 * complete. Suspended schedules are not stale.
 */
export function staleSchedules(policies: readonly BackupPolicy[], nowMs: number): StaleSchedule[] {
  const stale: StaleSchedule[] = [];
  for (const policy of policies) {
    for (const schedule of policy.status?.schedules ?? []) {
      const why = whyStale(schedule, nowMs);
      if (why === undefined) continue;
      const { lastSuccessfulTime } = schedule;
      stale.push({
        policy: `${policy.metadata.namespace ?? ""}/${policy.metadata.name}`,
        schedule: schedule.name,
        message: why,
        ...(lastSuccessfulTime === undefined ? {} : { lastSuccess: lastSuccessfulTime }),
      });
    }
  }
  return stale.sort((a, b) => compareText(a.policy, b.policy) || compareText(a.schedule, b.schedule));
}

function whyStale(schedule: ScheduleStatus, nowMs: number): string | undefined {
  if (schedule.suspended === true) return undefined;
  const next = schedule.nextSlot === undefined ? undefined : Date.parse(schedule.nextSlot);
  if (next !== undefined && nowMs > next + STALE_MARGIN_MS) return `the run of ${schedule.nextSlot} is overdue`;
  const { lastPhase, lastBackup } = schedule;
  if (lastPhase === "Failed" || lastPhase === "FailedValidation" || lastPhase === "PartiallyFailed") {
    return `the last backup, ${lastBackup ?? "unknown"}, is ${lastPhase}`;
  }
  return undefined;
}

/** By code unit: the same order on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
