import { POLICY_LABEL, REVISION_ANNOTATION, SCHEDULE_LABEL } from "../api/annotations.ts";
import { setCondition } from "../api/conditions.ts";
import type { Condition } from "../api/kinds.generated.ts";
import { API_VERSION, BACKUP, BACKUP_POLICY } from "../api/kinds.ts";
import { labelValue } from "../api/label-value.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { findLocation, isAvailable, isReadOnly } from "./locations.ts";
import { type BackupToCreate, type PolicyPlan, planPolicy } from "./policy-plan.ts";
import { DONE, type Result, type StepOutcome } from "./result.ts";
import { summarize } from "./summarize.ts";
import { FIELD_MANAGER, writeStatus } from "./write-status.ts";

/** How long a location that is not there or not well is waited for before the policy is looked at again. */
const LOCATION_RETRY_MS = 30_000;

/**
 * Converges one BackupPolicy: asks for the backups that are due and says how its schedules stand. Asking is creating a
 * Backup named by its slot, so that no slot can be asked for twice.
 */
export async function reconcileBackupPolicy(deps: ReconcileDeps, key: ObjectKey): Promise<Result> {
  const policy = deps.live.get("BackupPolicy", key);
  if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) return DONE;
  const nowMs = deps.clock.now();
  const { cluster, namespace: ownNamespace } = deps.installation;
  const standing = locationStanding(deps, policy);
  const plan = planPolicy({
    policy,
    backups: deps.live.backupsOf(key),
    cluster,
    ownNamespace,
    mayRun: standing === undefined && !deps.restoreOnly,
    nowMs,
  });
  for (const create of plan.creates) await askForBackup(deps, policy, create);
  const outcome = outcomeOfPlan(plan, standing, nowMs);
  const generation = policy.metadata.generation;
  const { conditions, result } = summarize({
    outcome,
    conditions: policy.status?.conditions,
    generation,
    nowMs,
  });
  const status = {
    ...plan.status,
    phase: plan.problems.length > 0 ? "FailedValidation" : "Enabled",
    observedGeneration: generation,
    conditions: lastRunCondition(conditions, plan, { generation, nowMs }),
  };
  deps.live.put(await writeStatus(deps.kube, BACKUP_POLICY, policy, status));
  return result;
}

function outcomeOfPlan(plan: PolicyPlan, standing: StepOutcome | undefined, nowMs: number): StepOutcome {
  const [problem] = plan.problems;
  if (problem !== undefined) return { type: "stall", reason: "FailedValidation", message: plan.problems.join("; ") };
  if (standing !== undefined) return standing;
  const afterMs = plan.lookAtMs === undefined ? undefined : Math.max(0, plan.lookAtMs - nowMs);
  const isSuspended = plan.status.schedules?.every(({ suspended }) => suspended === true) ?? false;
  return {
    type: "ready",
    reason: isSuspended ? "Suspended" : "Accepted",
    message: isSuspended ? "suspended: no backups are made" : "schedules are accepted",
    ...(afterMs === undefined ? {} : { afterMs }),
  };
}

/** Why no backup can be made now; undefined when the location is there and well. */
function locationStanding(deps: ReconcileDeps, policy: Live<"BackupPolicy">): StepOutcome | undefined {
  const name = policy.spec.template?.storageLocation;
  const location = findLocation(deps, policy.metadata.namespace ?? "", name);
  const afterMs = LOCATION_RETRY_MS;
  if (location === undefined && name === undefined) {
    return {
      type: "fail",
      reason: "NoDefaultLocation",
      message: "no BackupStorageLocation is the default, and template.storageLocation names none",
      afterMs,
    };
  }
  if (location === undefined) {
    return { type: "fail", reason: "LocationMissing", message: `there is no BackupStorageLocation ${name}`, afterMs };
  }
  if (isReadOnly(location)) {
    return {
      type: "stall",
      reason: "LocationReadOnly",
      message: `location ${location.metadata.name} is ReadOnly: no backup is made there`,
      afterMs,
    };
  }
  if (location.status?.phase === undefined) {
    return {
      type: "wait",
      reason: "AwaitingLocation",
      message: `location ${location.metadata.name} was not tried yet`,
      afterMs,
    };
  }
  if (!isAvailable(location)) {
    return {
      type: "fail",
      reason: "LocationUnavailable",
      message: `location ${location.metadata.name} is unavailable: ${location.status.message ?? ""}`,
      afterMs,
    };
  }
  return undefined;
}

async function askForBackup(deps: ReconcileDeps, policy: Live<"BackupPolicy">, create: BackupToCreate): Promise<void> {
  const revision = policy.metadata.annotations?.[REVISION_ANNOTATION];
  const backup: KubeObject = {
    apiVersion: API_VERSION,
    kind: "Backup",
    metadata: {
      name: create.name,
      namespace: policy.metadata.namespace ?? "",
      labels: { [POLICY_LABEL]: labelValue(policy.metadata.name), [SCHEDULE_LABEL]: create.schedule },
      ...(revision === undefined ? {} : { annotations: { [REVISION_ANNOTATION]: revision } }),
    },
    spec: { ...policy.spec.template, ttl: create.ttl },
  };
  try {
    deps.live.put(await deps.kube.create(BACKUP, backup, { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" }));
    deps.log.info({ policy: policy.metadata.name, schedule: create.schedule, backup: create.name }, "backup is due");
  } catch (error) {
    if (!isCoded(error, "KubeExists")) throw error; // asked for already
  }
}

/** How the runs went, beside how the policy stands: one failed backup blocks nobody's rollout. */
function lastRunCondition(
  conditions: readonly Condition[],
  plan: PolicyPlan,
  at: { readonly generation: number | undefined; readonly nowMs: number },
): readonly Condition[] {
  const base = { type: "LastRunSucceeded", observedGeneration: at.generation } as const;
  if (!plan.hasRun) {
    return setCondition(
      conditions,
      { ...base, status: "Unknown", reason: "NeverRun", message: "no run has ended yet" },
      at.nowMs,
    );
  }
  if (plan.failing.length === 0) {
    return setCondition(
      conditions,
      { ...base, status: true, reason: "Succeeded", message: "the last run of every schedule completed" },
      at.nowMs,
    );
  }
  const message = `the last run did not complete: ${plan.failing.join(", ")}`;
  return setCondition(conditions, { ...base, status: false, reason: "Failed", message }, at.nowMs);
}
