import type { KubeObject } from "../api/object.ts";
import { listOf, type OwnerKind, recordOf } from "./owner.ts";

/** Whether an owner is applying something right now: a pause keeps it from beginning, not from going on. Pure. */
export function isBusy(kind: OwnerKind, { status, operation }: KubeObject): boolean {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return listOf(recordOf(status).conditions).some(
        ({ type, status: holds, reason }) => type === "Reconciling" && holds === "True" && reason === "Progressing",
      );
    case "Application": {
      const phase = recordOf(recordOf(status).operationState).phase;
      return operation !== undefined || phase === "Running" || phase === "Terminating";
    }
    case "ApplicationSet":
      return false;
  }
}

/** What a person does about an owner that does not come to rest. */
export function restRemedy(kind: OwnerKind): string {
  return kind === "Application"
    ? "wait for its sync, or end it with `argocd app terminate-op`, and try again; where it waits for this very RestorePlan, give that an Application of its own"
    : "wait for its reconciliation to end, or mend what it waits for, and try again";
}
