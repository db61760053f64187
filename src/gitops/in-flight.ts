import { GROUP, RESTORE_PLAN } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { listOf, type OwnerKind, recordOf } from "./owner.ts";

/**
 * Whether an owner is applying something right now, or will before `plan` (`namespace/name` of the RestorePlan that is
 * to run) has ended: a pause keeps it from beginning, not from going on. Pure.
 */
export function isBusy(kind: OwnerKind, { status, operation }: KubeObject, plan: string): boolean {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return isReconciling(status);
    case "Application": {
      const state = recordOf(recordOf(status).operationState);
      const isAtWork = operation !== undefined || state.phase === "Running" || state.phase === "Terminating";
      return isAtWork && !waitsFor(plan, state);
    }
    case "ApplicationSet":
      return false;
  }
}

/** What a person does about an owner that does not come to rest. */
export function restRemedy(kind: OwnerKind): string {
  return kind === "Application"
    ? "wait for its sync, or end it with `argocd app terminate-op`, and try again; where it waits for another Application that holds this RestorePlan, give that an Application of its own"
    : "wait for its reconciliation to end, or mend what it waits for, and try again";
}

/** A Kustomization that looks at the health of what it has applied (two conditions tell it in the same words) applies no more. */
function isReconciling(status: unknown): boolean {
  const conditions = listOf(recordOf(status).conditions);
  const working = conditions.find(
    ({ type, status: holds, reason }) => type === "Reconciling" && holds === "True" && reason === "Progressing",
  );
  const looksAtHealth = conditions.some(
    ({ type, status: holds, message }) => type === "Healthy" && holds === "Unknown" && message === working?.message,
  );
  return working !== undefined && !looksAtHealth;
}

/**
 * A sync in waves that has applied the plan stands until the plan is healthy. One that is to be tried again
 * (`finishedAt`) begins anew by itself.
 */
function waitsFor(plan: string, { phase, finishedAt, syncResult }: Readonly<Record<string, unknown>>): boolean {
  if (phase !== "Running" || finishedAt !== undefined) return false;
  return listOf(recordOf(syncResult).resources).some(
    ({ group, kind, namespace, name, hookPhase }) =>
      group === GROUP && kind === RESTORE_PLAN.kind && `${namespace}/${name}` === plan && hookPhase === "Running",
  );
}
