/**
 * The plan of one object: from what was archived, what is live and what was asked, one action with its patch. Pure; the
 * same answer is printed, posted and executed.
 */
import { nameFilter } from "../api/include-exclude.ts";
import type { GroupVersionResource, KubeObject, ObjectKey, OwnerReference } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import type { PlanAction, PlanEntry, PlanReason } from "../report/plan.ts";
import { isCreatedBy } from "./creator.ts";
import { decideEqual, decideExisting, type ExistingDecision } from "./existing.ts";
import { at } from "./json-path.ts";
import type { KnownWorld, Prepared } from "./kinds/handler.ts";
import { hasHandler, isSettled, prepareKind } from "./kinds/registry.ts";
import { hasRestoreLabels, type RestoreLabels, setRestoreLabels } from "./labels.ts";
import type { Modifiers } from "./modifiers.ts";
import { existingPolicyFor, type RestoreOptions } from "./options.ts";
import { remapOwnershipMarks } from "./remap.ts";
import { managedFieldsToRestore, type Stripped, stripServerFields } from "./strip.ts";
import type { PlannedItem } from "./types.ts";

/** What holds for every object of one restore. */
export interface PlanRules {
  readonly options: RestoreOptions;
  readonly labels: RestoreLabels;
  readonly modifiers: Modifiers | undefined;
  readonly known: KnownWorld;
  /** The run whose earlier attempts may have written before; undefined where there can be none. */
  readonly resumes?: string | undefined;
}

/** Where one object comes from and goes to. */
export interface ItemPlace {
  /** `deployments.apps`. */
  readonly resource: string;
  readonly gvr: GroupVersionResource;
  readonly kind: string;
  readonly apiVersion: string;
  readonly source: ObjectKey;
  readonly target: ObjectKey;
}

/** Plans one object. `live` is undefined when it is absent. `archived` is not changed. */
export function planItem(
  rules: PlanRules,
  place: ItemPlace,
  archived: KubeObject,
  live: KubeObject | undefined,
): PlannedItem {
  const stripped = stripServerFields(archived);
  // What nothing will change in place needs no copy of its own: labels and place go into a metadata that is new anyway.
  const isShared = !hasHandler(place.resource) && place.source.namespace === place.target.namespace;
  const desired = isShared ? stripped.object : structuredClone(stripped.object);
  const prepared = prepareKind(place.resource, desired, {
    options: rules.options,
    sourceNamespace: place.source.namespace,
    targetNamespace: place.target.namespace,
    archived,
    known: rules.known,
  });
  const replan = (now: KubeObject | undefined): PlannedItem => planItem(rules, place, archived, now);
  if (prepared.type !== "keep") return { ...stopped(place, prepared), replan };
  const remapped = remapOwnershipMarks(desired, place.source.namespace, place.target.namespace);
  const modified = rules.modifiers?.apply(place.resource, place.source.namespace, desired) ?? {
    object: desired,
    errors: [],
  };
  const target = modified.object;
  setPlace(target, place.target);
  setRestoreLabels(target, rules.labels);
  const warnings = [...(prepared.warnings ?? []), ...(remapped === undefined ? [] : [remapped]), ...modified.errors];
  const owners = ownersOf(archived);
  const created = planCreate(rules, place, target, stripped);
  // The POST finds what it made before the run was interrupted, and what follows it is done.
  const isToCreate = live === undefined || (wasMadeByRun(rules, live) && (owners.length > 0 || hasSequel(created)));
  const planned = isToCreate ? created : planExisting(rules, place, target, live);
  const isRecreated = planned.entry.action === "recreate";
  return {
    ...planned,
    ...(isRecreated ? afterCreate(created.status, created.managedFields) : {}),
    entry:
      warnings.length === 0
        ? planned.entry
        : { ...planned.entry, warnings: [...(planned.entry.warnings ?? []), ...warnings] },
    ...(modified.errors.length === 0 ? {} : { errors: modified.errors }),
    ...((isToCreate || isRecreated) && owners.length > 0 ? { owners } : {}),
    replan,
  };
}

function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? [];
}

/** Plans an object whose content digest is that of its row: the body need not be read. */
export function planEqual(rules: PlanRules, place: ItemPlace, live: Pick<KubeObject, "metadata">): PlannedItem {
  const policy = existingPolicyFor(rules.options, place.resource);
  if (place.resource === "serviceaccounts") return planned(place, { action: "unchanged" });
  return resumed(rules, live, planned(place, decideEqual(live, { policy, labels: rules.labels })));
}

/**
 * True when equal contents of archive and cluster leave nothing that a restore could change on the way: the row of the
 * archive tells enough, and the body need not be read.
 */
export function rowStandsIn(rules: PlanRules, place: ItemPlace, live: Pick<KubeObject, "metadata">): boolean {
  const { resource, source, target } = place;
  if (source.namespace !== target.namespace || rules.modifiers?.concerns(resource) === true) return false;
  // Whether two objects that come to one place are equal is told by their bodies.
  for (const mapped of rules.options.namespaceMapping.values()) if (mapped === target.namespace) return false;
  // The one waits for an end, the other for writes that may be missing still.
  if (live.metadata.deletionTimestamp !== undefined || wasMadeByRun(rules, live)) return false;
  return isSettled(resource, live.metadata, rules.options);
}

/** An entry that says what an item is, before any action is known. */
export function placeEntry(place: ItemPlace): Omit<PlanEntry, "action"> {
  const { source, target } = place;
  const isMoved = source.namespace !== target.namespace || source.name !== target.name;
  return {
    resource: place.resource,
    apiVersion: place.apiVersion,
    kind: place.kind,
    namespace: place.target.namespace,
    name: place.target.name,
    ...(isMoved ? { archivedAs: formatKey(source) } : {}),
  };
}

/** An item that stops before anything is written. */
export function planStop(place: ItemPlace, action: PlanAction, reason: PlanReason, message: string): PlannedItem {
  return { entry: { ...placeEntry(place), action, reason, message }, gvr: place.gvr };
}

function planCreate(rules: PlanRules, place: ItemPlace, desired: KubeObject, stripped: Stripped): PlannedItem {
  const managedFields = managedFieldsToRestore(desired, stripped.managedFields);
  const status = wantsStatus(rules, place.resource, desired) ? stripped.status : undefined;
  return {
    entry: { ...placeEntry(place), action: "create" },
    gvr: place.gvr,
    desired,
    ...afterCreate(status, managedFields),
  };
}

function planExisting(rules: PlanRules, place: ItemPlace, desired: KubeObject, live: KubeObject): PlannedItem {
  const policy = existingPolicyFor(rules.options, place.resource);
  if (live.metadata.deletionTimestamp !== undefined && policy !== "none" && policy !== "fail") {
    const message = "is being deleted: wait until it is gone, or remove its finalizers, and restore again";
    return planned(place, { action: "fail", reason: "Terminating", message });
  }
  const decision = decideExisting(place.resource, desired, live, { policy, labels: rules.labels });
  return resumed(rules, live, planned(place, decision));
}

/** An object that carries this run's labels was written by an earlier attempt of it, and is not written twice. */
function resumed(rules: PlanRules, live: Pick<KubeObject, "metadata">, item: PlannedItem): PlannedItem {
  const { action, reason } = item.entry;
  const isSettled = action === "unchanged" || (action === "skip" && reason === "ExistsDifferent");
  if (rules.resumes === undefined || !isSettled || !hasRestoreLabels(live, rules.labels)) return item;
  const { changes: _changes, ...entry } = item.entry;
  return {
    ...item,
    resumedAs: wasMadeByRun(rules, live) ? "created" : "patched",
    entry: { ...entry, action: "unchanged", reason: "Resumed", message: "written by this very run" },
  };
}

/** True for what an earlier attempt of this very run created: a status or owners may be missing still. */
export function wasMadeByRun(rules: PlanRules, live: Pick<KubeObject, "metadata">): boolean {
  return rules.resumes !== undefined && hasRestoreLabels(live, rules.labels) && isCreatedBy(rules.resumes, live);
}

/** More writes than the POST belong to it. */
function hasSequel({ status, managedFields }: PlannedItem): boolean {
  return status !== undefined || managedFields !== undefined;
}

function planned(place: ItemPlace, decision: ExistingDecision): PlannedItem {
  return decided(placeEntry(place), place.gvr, decision);
}

/** The item of a decision about one that exists. */
export function decided(
  entry: Omit<PlanEntry, "action">,
  gvr: GroupVersionResource,
  decision: ExistingDecision,
): PlannedItem {
  const { operations, mergePatch, desired, liveVersion, ...shown } = decision;
  return {
    entry: { ...entry, ...shown },
    gvr,
    ...(operations === undefined ? {} : { operations }),
    ...(mergePatch === undefined ? {} : { mergePatch }),
    ...(desired === undefined ? {} : { desired }),
    ...(liveVersion === undefined ? {} : { liveVersion }),
  };
}

function stopped(place: ItemPlace, prepared: Exclude<Prepared, { type: "keep" }>): PlannedItem {
  return planStop(place, prepared.type, prepared.reason, prepared.message);
}

function afterCreate(status: unknown, managedFields: readonly unknown[] | undefined): Partial<PlannedItem> {
  return {
    ...(status === undefined ? {} : { status }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
}

/** The annotation decides where it is there; else the spec's lists, if any. */
function wantsStatus(rules: PlanRules, resource: string, object: KubeObject): boolean {
  const asked = String(at(object, "metadata", "annotations", "velero.io/restore-status") ?? "").toLowerCase();
  if (asked === "true" || asked === "false") return asked === "true";
  const { restoreStatus } = rules.options;
  return restoreStatus !== undefined && nameFilter(restoreStatus).includes(resource);
}

function setPlace(object: KubeObject, target: ObjectKey): void {
  object.metadata.name = target.name;
  if (target.namespace === "") delete object.metadata.namespace;
  else object.metadata.namespace = target.namespace;
}
