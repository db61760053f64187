/** What a change of one object means to people: for Events, and for notifications. Pure. */
import { findCondition } from "../api/conditions.ts";
import type { Backup, BackupStorageLocation, Condition, RestorePlan } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { isEnded } from "./backup-record.ts";

/** Something that happened to an object. */
export interface Occurrence {
  readonly object: KubeObject;
  /** `Warning`: somebody should look. */
  readonly type: "Normal" | "Warning";
  /** CamelCase; one of `OCCURRENCE_REASONS`, or a condition's reason. */
  readonly reason: string;
  readonly message: string;
}

/** Reasons of our own; an object that is stalled or fails gives its condition's reason. */
export const OCCURRENCE_REASONS = [
  "BackupStarted",
  "BackupCompleted",
  "BackupPartiallyFailed",
  "BackupFailed",
  "BackupFailedValidation",
  "RestoreStarted",
  "RestoreCompleted",
  "RestorePartiallyFailed",
  "RestoreFailed",
  "RestoreFailedValidation",
  "LocationAvailable",
  "LocationUnavailable",
  "Recovered",
] as const;

/**
 * What one change tells. An object that is seen for the first time tells nothing: what happened to it before is not
 * news, and after a restart every object is seen for the first time.
 */
export function occurrencesOf(before: KubeObject | undefined, after: KubeObject | undefined): Occurrence[] {
  if (before === undefined || after === undefined) return [];
  return [...phaseOccurrences(before, after), ...standingOccurrences(before, after)];
}

function phaseOccurrences(before: KubeObject, after: KubeObject): Occurrence[] {
  if (phaseOf(before) === phaseOf(after) || phaseOf(after) === undefined) return [];
  switch (after.kind) {
    case "Backup":
      return runOccurrences("Backup", after, backupMessage(after as unknown as Backup));
    case "RestorePlan":
      return runOccurrences("Restore", after, restoreMessage(after as unknown as RestorePlan));
    case "BackupStorageLocation":
      return locationOccurrences(before, after);
    default:
      return [];
  }
}

function runOccurrences(what: "Backup" | "Restore", object: KubeObject, message: string): Occurrence[] {
  const phase = phaseOf(object) ?? "";
  if (phase === "InProgress") return [{ object, type: "Normal", reason: `${what}Started`, message }];
  if (!isEnded(phase)) return [];
  return [{ object, type: phase === "Completed" ? "Normal" : "Warning", reason: `${what}${phase}`, message }];
}

function backupMessage({ metadata, status = {} }: Backup): string {
  if (status.phase === "InProgress") return `backup begins in location ${status.storageLocation ?? "unknown"}`;
  const why = status.failureReason ?? status.validationErrors?.join("; ");
  const counts = `${status.progress?.itemsBackedUp ?? 0} objects, ${status.errors ?? 0} errors, ${status.warnings ?? 0} warnings`;
  return `backup ${metadata.name} is ${status.phase}: ${why ?? counts}`;
}

function restoreMessage({ status = {} }: RestorePlan): string {
  const from = status.backup?.name ?? "a backup";
  if (status.phase === "InProgress") return `restore from ${from} begins as run ${status.run?.id ?? ""}`;
  const why = status.failureReason ?? status.validationErrors?.join("; ");
  return `restore from ${from} is ${status.phase}: ${why ?? `${status.errors ?? 0} errors, ${status.warnings ?? 0} warnings`}`;
}

function locationOccurrences(before: KubeObject, after: KubeObject): Occurrence[] {
  const { phase, message } = (after as unknown as BackupStorageLocation).status ?? {};
  if (phase === "Unavailable")
    return [{ object: after, type: "Warning", reason: "LocationUnavailable", message: message ?? "out of reach" }];
  if (phaseOf(before) !== "Unavailable") return [];
  return [{ object: after, type: "Normal", reason: "LocationAvailable", message: "the location can be reached again" }];
}

/** An object that is not well for a reason it did not have before, and one that is well again. */
function standingOccurrences(before: KubeObject, after: KubeObject): Occurrence[] {
  const [was, is] = [troubleOf(before), troubleOf(after)];
  if (is !== undefined && (was?.reason !== is.reason || was.type !== is.type))
    return isTold(after) ? [] : [{ object: after, type: "Warning", reason: is.reason, message: is.message }];
  const ready = findCondition(conditionsOf(after), "Ready");
  if (was === undefined || is !== undefined || ready?.status !== "True" || isTold(after) || isTold(before)) return [];
  return [{ object: after, type: "Normal", reason: "Recovered", message: `${was.reason} is over: ${ready.message}` }];
}

/** Stalled, or failing and tried again; a breaker that holds deletions back while all else is well. */
function troubleOf(object: KubeObject): Condition | undefined {
  const conditions = conditionsOf(object);
  const stalled = findCondition(conditions, "Stalled");
  if (stalled?.status === "True") return stalled;
  const blocked = findCondition(conditions, "DeletionBlocked");
  if (blocked?.status === "True") return blocked;
  const ready = findCondition(conditions, "Ready");
  return ready?.status === "False" || ready?.reason === "DeletionsHeld" ? ready : undefined;
}

/** Its phase tells the same already. */
function isTold(object: KubeObject): boolean {
  return phaseOf(object) === "FailedValidation" || phaseOf(object) === "Unavailable";
}

function phaseOf({ status }: KubeObject): string | undefined {
  return (status as { readonly phase?: string } | undefined)?.phase;
}

function conditionsOf({ status }: KubeObject): readonly Condition[] | undefined {
  return (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions;
}
