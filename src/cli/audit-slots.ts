/** What policies promised: the slots of every version of every schedule, in the time that is looked at. */
import { parseScheduleLine } from "../api/cron.ts";
import { scheduleDefaults } from "../api/defaults.ts";
import type { BackupPolicySpec } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { validateObject } from "../api/validate.ts";
import type { PromisedSchedule } from "../report/audit.ts";
import { nextSlot } from "../schedule/slots.ts";
import type { DeclaredState } from "./audit-history.ts";

/** More slots than this of one version are not looked at: a schedule by the minute has them in two weeks. */
const MAX_SLOTS = 20_000;

/** `states` are oldest first; a version holds until the next one of its policy. */
export function promisedSchedules(
  states: readonly DeclaredState[],
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): readonly PromisedSchedule[] {
  const policies = states.filter(({ object }) => object.startsWith("BackupPolicy "));
  const promised: PromisedSchedule[] = [];
  policies.forEach((state, index) => {
    const untilMs = policies.slice(index + 1).find(({ object }) => object === state.object)?.atMs;
    if (state.document === undefined || !isValid(state.document) || (untilMs !== undefined && untilMs < sinceMs))
      return;
    const spec = state.document.spec as BackupPolicySpec;
    const policy = state.object.slice("BackupPolicy ".length);
    for (const schedule of spec.schedules) {
      const { timeZone, suspend, name, cron } = scheduleDefaults(schedule, spec);
      const parsed = parseScheduleLine(cron);
      if (suspend || parsed.type !== "ok") continue;
      const series = { line: parsed.line, zone: timeZone, anchorMs: state.atMs };
      const slots: number[] = [];
      const endMs = untilMs ?? nowMs;
      for (let at = nextSlot(series, Math.max(sinceMs, state.atMs)); at < endMs && slots.length < MAX_SLOTS; ) {
        slots.push(at);
        at = nextSlot(series, at);
      }
      promised.push({ policy, schedule: name, cron, fromMs: state.atMs, untilMs, slots });
    }
  });
  return promised;
}

/** A version that was never valid was never applied. */
function isValid(document: KubeObject): boolean {
  return validateObject("BackupPolicy", document, { defaultNamespace: "holdfast", fromGit: true }).length === 0;
}
