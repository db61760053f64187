/** What a write changes, for people and for the API server. */
import { BACKUP_NAME_LABEL, RESTORE_NAME_LABEL } from "../api/digest.ts";
import type { KubeObject } from "../api/object.ts";
import {
  compare,
  formatPointer,
  guardedPatch,
  type PatchOperation,
  parsePointer,
  testResourceVersion,
  valueAt,
} from "../api/patch.ts";
import type { FieldChange } from "../report/plan.ts";
import { type RestoreLabels, setRestoreLabels } from "./labels.ts";
import { stripServerFields } from "./strip.ts";

const BACKUP_NAME_PATH = formatPointer(["metadata", "labels", BACKUP_NAME_LABEL]);
const RESTORE_NAME_PATH = formatPointer(["metadata", "labels", RESTORE_NAME_LABEL]);

/** How a live object differs from what is to stand there. */
export interface Difference {
  /** RFC 6902, without the guard; valid on the whole live object. Empty: nothing to write. */
  readonly operations: readonly PatchOperation[];
  /** The same for people, without the two restore labels. Empty: the contents are equal. */
  readonly changes: readonly FieldChange[];
}

/** Compares without what the cluster owns. `desired` is stripped and carries the restore labels. */
export function differenceOf(live: KubeObject, desired: KubeObject): Difference {
  const before = stripServerFields(live).object;
  const operations = compare(before, desired);
  if (operations.length === 0) return { operations, changes: [] };
  const labelled = { ...before, metadata: { ...before.metadata } } as KubeObject;
  copyRestoreLabels(desired, labelled);
  return { operations, changes: compare(labelled, desired).map((operation) => fieldChange(labelled, operation)) };
}

function copyRestoreLabels(from: KubeObject, to: KubeObject): void {
  const backup = from.metadata.labels?.[BACKUP_NAME_LABEL];
  const restore = from.metadata.labels?.[RESTORE_NAME_LABEL];
  if (backup !== undefined && restore !== undefined) setRestoreLabels(to, { backup, restore });
}

/** One change for people, of an object that was `before`. */
export function fieldChange(before: KubeObject, operation: PatchOperation): FieldChange {
  const { path } = operation;
  if (operation.op === "remove") return { op: "remove", path, before: valueAt(before, path) };
  if (operation.op === "add") return { op: "add", path, after: operation.value };
  return { op: "replace", path, before: valueAt(before, path), after: operation.value };
}

/** The operations that put only the two labels on. Empty where they stand already. */
export function labelOperations(live: Pick<KubeObject, "metadata">, labels: RestoreLabels): PatchOperation[] {
  const own = live.metadata.labels;
  const { backup, restore } = labels;
  if (own === undefined) {
    const value = { [BACKUP_NAME_LABEL]: backup, [RESTORE_NAME_LABEL]: restore };
    return [{ op: "add", path: "/metadata/labels", value }];
  }
  const operations: PatchOperation[] = [];
  if (own[BACKUP_NAME_LABEL] !== backup) operations.push({ op: "add", path: BACKUP_NAME_PATH, value: backup });
  if (own[RESTORE_NAME_LABEL] !== restore) operations.push({ op: "add", path: RESTORE_NAME_PATH, value: restore });
  return operations;
}

/** Opens a patch with the test of the resourceVersion that it was made against. */
export function guarded(live: Pick<KubeObject, "metadata">, operations: readonly PatchOperation[]): PatchOperation[] {
  return [testResourceVersion(live), ...operations];
}

/**
 * Opens a patch with tests of what only `live` tells, in place of the version of the whole object, so that a writer that
 * never pauses can't keep it out: what is added must still be absent, and a list is tested whole, since its items are
 * named by their place alone. A field that is replaced or removed is so whatever stands there by now. `live` is what the
 * operations were made against. The API server takes null for a field that is not there.
 */
export function guardedByPlaces(live: KubeObject, operations: readonly PatchOperation[]): PatchOperation[] {
  const tests = new Map<string, PatchOperation>();
  const test = (path: string) => tests.set(path, { op: "test", path, value: valueAt(live, path) ?? null });
  test("/metadata/uid");
  for (const { op, path } of operations) {
    const list = outermostListOf(live, path);
    if (list !== undefined) test(list);
    else if (op === "add") test(path);
  }
  return [...tests.values(), ...operations];
}

function outermostListOf(live: KubeObject, path: string): string | undefined {
  const keys = parsePointer(path);
  for (let depth = 1; depth < keys.length; depth++) {
    const pointer = formatPointer(keys.slice(0, depth));
    if (Array.isArray(valueAt(live, pointer))) return pointer;
  }
  return undefined;
}

/** A guarded write: its operations, or in their place a merge patch that holds the resourceVersion. */
export interface PlannedWrite {
  readonly operations: readonly PatchOperation[];
  readonly mergePatch?: Readonly<Record<string, unknown>>;
}

/** The write of these operations, which turn `live` into `desired`. */
export function plannedWrite(
  live: KubeObject,
  desired: KubeObject,
  operations: readonly PatchOperation[],
): PlannedWrite {
  const patch = guardedPatch(live, desired, stripServerFields(live).object, operations);
  if (patch?.type !== "merge") return { operations: guarded(live, operations) };
  return { operations: guarded(live, []), mergePatch: patch.body as Readonly<Record<string, unknown>> };
}
