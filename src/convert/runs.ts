import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { DEFINITIONS } from "../api/schemas.generated.ts";
import { type ConfigMaps, policyOfRestoreProblem, rulesOf } from "./config-maps.ts";
import { takeOver } from "./fields.ts";
import { BACKUP_FIELDS, type ConvertedSchedules } from "./schedules.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

const RESTORE_FIELDS: ReadonlySet<string> = new Set(
  Object.keys((DEFINITIONS.RestorePlanSpec as { readonly properties: object }).properties),
);

export interface ConvertedRuns {
  readonly objects: readonly KubeObject[];
  readonly notes: readonly Note[];
}

/** Whether Velero has begun it: then it is history, and asking for it again would do it again. */
function hasRun({ object }: Located): boolean {
  const { phase } = (object.status ?? {}) as { readonly phase?: string };
  return phase !== undefined && phase !== "" && phase !== "New";
}

/** Backups that are still to be made. Those that were made are found in the bucket. */
export function convertBackups(found: readonly Located[], namespace: string): ConvertedRuns {
  const notes: Note[] = [];
  const objects = found.flatMap((at) => {
    if (hasRun(at)) {
      notes.push(noteOn(at, "changed", [], "it was made already: Holdfast finds it in the bucket by itself"));
      return [];
    }
    const taken = takeOver(at, ["spec"], (at.object.spec ?? {}) as Record<string, unknown>, BACKUP_FIELDS);
    notes.push(...taken.notes);
    const message = "it runs when it is applied; a name that is in the bucket already is refused";
    notes.push(noteOn(at, "changed", [], message));
    const { name } = at.object.metadata;
    return [{ apiVersion: API_VERSION, kind: "Backup", metadata: { name, namespace }, spec: taken.spec }];
  });
  return { objects, notes };
}

/** What a Restore refers to. */
export interface RestoreContext {
  readonly namespace: string;
  readonly places: ConvertedSchedules["places"];
  readonly configMaps: ConfigMaps;
}

/** Restores that are still to be run. */
export function convertRestores(found: readonly Located[], context: RestoreContext): ConvertedRuns {
  const notes: Note[] = [];
  const objects = found.flatMap((at) => {
    if (hasRun(at)) {
      notes.push(noteOn(at, "changed", [], "it has run already, and a RestorePlan of it would run it again"));
      return [];
    }
    const { name } = at.object.metadata;
    const spec = restoreSpec(at, context, notes);
    if (spec === undefined) return [];
    notes.push(noteOn(at, "changed", [], "it runs when it is merged: look at `holdfast plan` first"));
    const metadata = { name, namespace: context.namespace };
    return [{ apiVersion: API_VERSION, kind: "RestorePlan", metadata, spec }];
  });
  return { objects, notes };
}

/** Undefined where it can't be said without restoring something else than was asked for. */
function restoreSpec(at: Located, context: RestoreContext, notes: Note[]): Record<string, unknown> | undefined {
  const { backupName, scheduleName, resourceModifier, ...others } = (at.object.spec ?? {}) as Record<string, unknown>;
  const source = sourceOf(at, { backupName, scheduleName }, context, notes);
  if (source === undefined) return undefined;
  const taken = takeOver(at, ["spec"], others, RESTORE_FIELDS);
  notes.push(...taken.notes, ...restorePolicyNotes(at, taken.spec.resourcePolicy, context.configMaps));
  const reference = resourceModifier as { readonly name?: string } | undefined | null;
  if (reference?.name === undefined) return { source, ...taken.spec };
  const rules = rulesOf(context.configMaps, reference.name);
  if (rules !== undefined) return { source, ...taken.spec, modifiers: rules };
  const message = `ConfigMap ${reference.name} is not among what was read, or holds no rules: it must be in Holdfast's namespace`;
  notes.push(noteOn(at, "changed", ["spec", "resourceModifier"], message));
  return { source, ...taken.spec, resourceModifier: { kind: "ConfigMap", name: reference.name } };
}

/** A restore without its filters would bring back more than was asked for: Holdfast refuses it, as Velero does. */
function restorePolicyNotes(at: Located, reference: unknown, configMaps: ConfigMaps): Note[] {
  const { name } = (reference ?? {}) as { readonly name?: string };
  if (name === undefined) return [];
  const message = policyOfRestoreProblem(configMaps, name);
  return message === undefined ? [] : [noteOn(at, "changed", ["spec", "resourcePolicy"], message)];
}

function sourceOf(
  at: Located,
  given: { readonly backupName: unknown; readonly scheduleName: unknown },
  { places }: RestoreContext,
  notes: Note[],
): object | undefined {
  // Velero's server fills in the backup of a schedule
  if (typeof given.backupName === "string" && given.backupName !== "") return { backupName: given.backupName };
  const place = places.get(String(given.scheduleName ?? ""));
  if (place === undefined) {
    const message = `Schedule ${String(given.scheduleName ?? "")} is not among what was read: name a backup in source.backupName`;
    notes.push(noteOn(at, "unread", ["spec", "scheduleName"], message));
    return undefined;
  }
  const message = `the newest backup that the policy ${place.policy} made; those that Velero's Schedule made are restored by source.backupName`;
  notes.push(noteOn(at, "changed", ["spec", "scheduleName"], message));
  return { policy: { name: place.policy, schedule: place.schedule, asOf: "AtMerge" } };
}
