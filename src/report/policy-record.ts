import { findCondition } from "../api/conditions.ts";
import type { BackupPolicy, Condition } from "../api/kinds.generated.ts";
import { stableYaml } from "./stable-text.ts";

/** `policies/<ns>/<name>.yaml`: how a policy stands. Changes only when a condition or a run does. */
export function policyRecordText(policy: BackupPolicy, revision: string | undefined): string {
  const { status, metadata, spec } = policy;
  return stableYaml({
    name: metadata.name,
    namespace: metadata.namespace,
    revision,
    suspended: spec.suspend,
    conditions: (status?.conditions ?? []).map(conditionRecord),
    schedules: (status?.schedules ?? []).map((schedule) => ({
      ...schedule,
      cron: spec.schedules.find(({ name }) => name === schedule.name)?.cron,
    })),
    lastBackup: status?.lastBackup,
    lastPhase: status?.lastPhase,
    nextRun: status?.nextRun,
  });
}

/** A condition as records show it: without what changes while its meaning does not. */
export function conditionRecord(condition: Condition): Omit<Condition, "observedGeneration"> {
  const { observedGeneration: _generation, ...rest } = condition;
  return rest;
}

/** Whether a policy is accepted and working, in one word and one sentence. */
export function policyStanding(policy: BackupPolicy): { readonly ready: boolean; readonly message: string } {
  const ready = findCondition(policy.status?.conditions, "Ready");
  return { ready: ready?.status === "True", message: ready?.message ?? "not looked at yet" };
}
