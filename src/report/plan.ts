/**
 * What a restore will do, as plain values: produced object by object by the restore engine, printed as text, Markdown and
 * JSON by the renderers beside this file. Knows nothing of clusters, archives or terminals.
 */
import type { RestorePlanSpec } from "../api/kinds.generated.ts";

/** What will happen to one object; `delete` only when a restore is undone. */
export type PlanAction = "create" | "patch" | "labelsOnly" | "recreate" | "delete" | "unchanged" | "skip" | "fail";

/** Every action, in the order totals are printed. */
export const PLAN_ACTIONS: readonly PlanAction[] = [
  "create",
  "patch",
  "labelsOnly",
  "recreate",
  "delete",
  "unchanged",
  "skip",
  "fail",
];

/** Why an object is skipped, fails, or is recreated. Part of the JSON output: names are never reused. */
export type PlanReason =
  | "ExistsDifferent"
  | "Exists"
  | "MirrorPod"
  | "Finished"
  | "AutoManaged"
  | "DynamicVolume"
  | "ServiceAccountToken"
  | "AlwaysSkipped"
  | "Collision"
  | "NotServed"
  | "Unreadable"
  | "StorageClassMissing"
  | "PreparationFailed"
  | "ModifierFailed"
  | "PolicyFail"
  | "Immutable"
  | "Refused"
  | "Terminating"
  | "Unlisted"
  | "ChangedSince"
  | "GoneSince"
  | "Replaced"
  | "CrdMissing"
  | "Resumed"
  | "Created"
  | "CopyMissing"
  | "Returned"
  | "NotEmpty";

/** One field that a write changes. `path` is an RFC 6901 pointer. */
export interface FieldChange {
  readonly op: "add" | "replace" | "remove";
  readonly path: string;
  /** Absent for `add`. */
  readonly before?: unknown;
  /** Absent for `remove`. */
  readonly after?: unknown;
  /** The field manager of a GitOps controller that has set this field: Git will undo the change. */
  readonly undoneBy?: string;
}

/** One object of the plan, in restore order. */
export interface PlanEntry {
  /** `deployments.apps`. */
  readonly resource: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** Where it is written; "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name` in the archive, where it differs. */
  readonly archivedAs?: string;
  readonly action: PlanAction;
  readonly reason?: PlanReason;
  /** One sentence for people: why, and for `fail` what to do. */
  readonly message?: string;
  /** What the write changes (`patch`, `recreate`), or for a skipped object what `update` would change. */
  readonly changes?: readonly FieldChange[];
  /** The values of `changes` are digests: the object is a Secret. */
  readonly redacted?: true;
  /** Things to know that do not stop the object, one sentence each. */
  readonly warnings?: readonly string[];
  /** UID and content digest of the live object that `recreate` and `delete` end. */
  readonly liveUid?: string;
  readonly liveContent?: string;
  /** Who applies this object from Git, such as `Application argocd/shop`. */
  readonly owners?: readonly string[];
}

/** What becomes of one GitOps owner of the objects that are written. */
export interface PlannedOwner {
  /** `Application argocd/shop`. */
  readonly owner: string;
  /** `paused`: it is already, by somebody else. `refuse`: nothing is written because of it. */
  readonly action: "pause" | "paused" | "refuse" | "ignore";
  /** The change that pauses it. */
  readonly how?: string;
  /** Objects of this plan that it owns. */
  readonly objects: number;
  /** One sentence: why, what it does when it goes on, or what to do. */
  readonly message?: string;
}

export type PlanTotals = Readonly<Record<PlanAction, number>>;

/** What the plan is of: known before the first object is looked at. */
export interface PlanHeader {
  /** `namespace/name` of the RestorePlan, or its file. */
  readonly plan: string;
  readonly backup: string;
  readonly location?: string;
  readonly cluster?: string;
  /** The run that is undone; absent for a restore. */
  readonly undoOf?: string;
  /** Absent for an undo. */
  readonly existingResourcePolicy?: string;
  readonly namespaceMapping?: Readonly<Record<string, string>>;
}

/** What is known when every object was looked at. */
export interface PlanSummary {
  readonly totals: PlanTotals;
  /** Entries that carry at least one warning. */
  readonly warnings: number;
  /** Fields that a write would remove although they stand only in the cluster. */
  readonly removedFields: number;
  /** Owners of the objects that are written; absent where nobody was asked for. */
  readonly owners?: readonly PlannedOwner[];
  /** Fields that a write sets and a GitOps controller owns. */
  readonly undoneFields?: number;
  /** Design §5: over the spec, the manifest and every object that will be written or refused. */
  readonly digest: string;
  /** Whole-plan remarks: volumes without data, fields that Git will undo, a missing safety location. */
  readonly notes: readonly string[];
}

/** What a RestorePlan says of itself, with where its backup was found. */
export function planHeader(
  {
    metadata,
    spec,
  }: { readonly metadata: { readonly namespace: string; readonly name: string }; readonly spec: RestorePlanSpec },
  found: Pick<PlanHeader, "backup" | "location" | "cluster">,
): PlanHeader {
  const { source, namespaceMapping, existingResourcePolicy = "none" } = spec;
  return {
    plan: `${metadata.namespace}/${metadata.name}`,
    ...found,
    ...(source.undoOf === undefined ? { existingResourcePolicy } : { undoOf: source.undoOf }),
    ...(namespaceMapping === undefined ? {} : { namespaceMapping }),
  };
}

/** What it does to what is there, in few words. */
export function headerMode({ undoOf, existingResourcePolicy }: PlanHeader): {
  readonly label: string;
  readonly value: string;
} {
  return undoOf === undefined
    ? { label: "existing objects", value: existingResourcePolicy ?? "" }
    : { label: "undo of", value: undoOf };
}

/** Totals of nothing. */
export function emptyTotals(): Record<PlanAction, number> {
  return { create: 0, patch: 0, labelsOnly: 0, recreate: 0, delete: 0, unchanged: 0, skip: 0, fail: 0 };
}

/** `Kind namespace/name`, as every renderer writes an object. */
export function entryName(entry: Pick<PlanEntry, "kind" | "namespace" | "name">): string {
  return entry.namespace === "" ? `${entry.kind} ${entry.name}` : `${entry.kind} ${entry.namespace}/${entry.name}`;
}
