/** Counts and Velero-shaped results of a run, gathered record by record. */
import { createResourceNames } from "../storage/resource-names.ts";
import type { ObjectOutcome, ObjectRecord, PlannedItem, Result } from "./types.ts";

/** What a run has come to so far. */
export interface RunTally {
  add(record: ObjectRecord, item: Pick<PlannedItem, "missing">): void;
  /** A problem of no one object; Velero lists those under `velero`. */
  addWarning(place: string | undefined, message: string): void;
  addError(place: string | undefined, message: string): void;
  readonly counts: Readonly<Record<ObjectOutcome, number>>;
  readonly warnings: Result;
  readonly errors: Result;
  readonly warningCount: number;
  readonly errorCount: number;
  /** Patches that the API server refused: the object is not what the backup says. */
  readonly refused: number;
  readonly items: number;
  /** Velero's list: `apps/v1/Deployment` → `namespace/name(created)`, sorted. */
  resourceLists(): Iterable<[string, string[]]>;
}

const VELERO_ACTIONS: Readonly<Record<ObjectOutcome, string>> = {
  created: "created",
  patched: "updated",
  recreated: "updated",
  labelled: "skipped",
  unchanged: "skipped",
  skipped: "skipped",
  deleted: "updated",
  failed: "failed",
};

/** An error about an object that was not written, such as a modifier that does not fit it, makes it a failed one. */
function veleroAction({ outcome, errors = [] }: ObjectRecord): string {
  const action = VELERO_ACTIONS[outcome];
  return action === "skipped" && errors.length > 0 ? "failed" : action;
}

/** Starts counting at nothing. */
export function createTally(): RunTally {
  const counts: Record<ObjectOutcome, number> = {
    created: 0,
    patched: 0,
    labelled: 0,
    unchanged: 0,
    recreated: 0,
    deleted: 0,
    skipped: 0,
    failed: 0,
  };
  const warnings: Result = {};
  const errors: Result = {};
  const names = createResourceNames();
  const totals = { warnings: 0, errors: 0, refused: 0, items: 0 };
  const addWarning = (place: string | undefined, message: string): void => {
    totals.warnings++;
    addTo(warnings, place, message);
  };
  const addError = (place: string | undefined, message: string): void => {
    totals.errors++;
    addTo(errors, place, message);
  };
  return {
    add: (record, item) => {
      counts[record.outcome]++;
      if (record.outcome === "failed" && record.warnings !== undefined) totals.refused++;
      const missing = new Map((item.missing ?? []).map(({ message, namespace }) => [message, namespace]));
      for (const message of record.warnings ?? []) addWarning(missing.get(message) ?? record.namespace, message);
      for (const message of record.errors ?? []) addError(veleroPlace(record), message);
      // Velero returns from finished pods and Jobs before it counts them.
      if (record.reason === "Finished" || isOldNamespace(record)) return;
      totals.items++;
      names.add(record, veleroAction(record));
    },
    addWarning,
    addError,
    counts,
    warnings,
    errors,
    get warningCount() {
      return totals.warnings;
    },
    get errorCount() {
      return totals.errors;
    },
    get refused() {
      return totals.refused;
    },
    get items() {
      return totals.items;
    },
    resourceLists: names.lists,
  };
}

/** Undefined place: Velero itself; "": the cluster; else a namespace. */
function addTo(result: Result, place: string | undefined, message: string): void {
  if (place === undefined) {
    result.velero ??= [];
    result.velero.push(message);
  } else if (place === "") {
    result.cluster ??= [];
    result.cluster.push(message);
  } else {
    result.namespaces ??= {};
    const messages = result.namespaces[place] ?? [];
    messages.push(message);
    result.namespaces[place] = messages;
  }
}

/** Errors about a namespace that would not go stand under `velero`. */
function veleroPlace(record: ObjectRecord): string | undefined {
  return record.reason === "Terminating" ? undefined : record.namespace;
}

function isOldNamespace(record: ObjectRecord): boolean {
  return record.resource === "namespaces" && record.outcome === "unchanged";
}
