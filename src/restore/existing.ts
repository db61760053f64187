/** What becomes of an object that exists already: Velero's existing-resource policy (velero-facts §4.8), and ours beyond it. */
import { contentDigest } from "../api/digest.ts";
import { formatKey, type KubeObject } from "../api/object.ts";
import type { FieldChange, PlanAction, PlanReason } from "../report/plan.ts";
import { adoptAssigned } from "./adopt.ts";
import { differenceOf, guarded, labelOperations, type PlannedWrite, plannedWrite } from "./changes.ts";
import { at, recordsAt, textAt } from "./json-path.ts";
import type { RestoreLabels } from "./labels.ts";
import type { ExistingPolicy } from "./options.ts";
import { stripServerFields } from "./strip.ts";

/** The decision, with what its execution needs. */
export interface ExistingDecision {
  readonly action: PlanAction;
  readonly reason?: PlanReason;
  readonly message?: string;
  readonly changes?: readonly FieldChange[];
  readonly operations?: PlannedWrite["operations"];
  readonly mergePatch?: PlannedWrite["mergePatch"];
  /** What stands there after a patch or recreation. */
  readonly desired?: KubeObject;
  readonly liveUid?: string;
  readonly liveContent?: string;
  readonly liveVersion?: string;
}

/** Decides for one object. `desired` is prepared, stripped and labelled; it takes over what the cluster assigned. */
export function decideExisting(
  resource: string,
  desired: KubeObject,
  live: KubeObject,
  rules: { readonly policy: ExistingPolicy; readonly labels: RestoreLabels },
): ExistingDecision {
  if (resource === "serviceaccounts") return mergeServiceAccount(desired, live);
  const fresh = rules.policy === "recreate" ? structuredClone(desired) : desired;
  adoptAssigned(resource, desired, live);
  const { operations, changes } = differenceOf(live, desired);
  if (changes.length === 0) return decideEqual(live, rules);
  const inUse = useOf(resource, desired, live, rules.policy);
  if (inUse !== undefined) return { action: "skip", reason: "ExistsDifferent", message: inUse, changes };
  switch (rules.policy) {
    case "none":
      return {
        action: "skip",
        reason: "ExistsDifferent",
        message: "exists and differs: existingResourcePolicy none leaves it as it is",
        changes,
      };
    case "fail":
      return {
        action: "fail",
        reason: "PolicyFail",
        message: "exists and differs, and existingResourcePolicy is fail: choose update or recreate, or exclude it",
        changes,
      };
    case "update":
      return { action: "patch", changes, ...plannedWrite(live, desired, operations), desired };
    case "recreate":
      return {
        action: "recreate",
        reason: "ExistsDifferent",
        message: "exists and differs: it is deleted and created from the backup",
        changes,
        desired: fresh,
        ...identity(live),
        ...versionOf(live),
      };
  }
}

/**
 * Why a bound volume or claim is left as it is: written for another claim a volume would be lost to the one that has its
 * data, and a deletion ends both, with data that no restore brings back.
 */
function useOf(resource: string, desired: KubeObject, live: KubeObject, policy: ExistingPolicy): string | undefined {
  if (policy === "none" || policy === "fail" || textAt(live, "status", "phase") !== "Bound") return undefined;
  if (resource === "persistentvolumes" && claimOf(desired) !== claimOf(live))
    return `is bound to ${claimOf(live)}, whose data it holds: it stays with it`;
  if (policy !== "recreate") return undefined;
  if (resource === "persistentvolumes")
    return `is bound to ${claimOf(live)}, and goes only after it: update it instead`;
  if (resource === "persistentvolumeclaims")
    return `is bound to ${textAt(live, "spec", "volumeName")}, whose data would go with it: update it instead`;
  return undefined;
}

function claimOf({ spec }: KubeObject): string {
  return formatKey({ namespace: textAt(spec, "claimRef", "namespace"), name: textAt(spec, "claimRef", "name") });
}

/** Who the live object is, for an action that ends it. */
export function identity(live: KubeObject): { liveUid: string; liveContent: string } {
  return { liveUid: live.metadata.uid ?? "", liveContent: contentDigest(live) };
}

/** The version that a deletion is guarded by. */
export function versionOf({ metadata }: KubeObject): { liveVersion?: string } {
  return metadata.resourceVersion === undefined ? {} : { liveVersion: metadata.resourceVersion };
}

/** Equal contents: `update` and `recreate` leave their labels, the other policies leave it alone. */
export function decideEqual(
  live: Pick<KubeObject, "metadata">,
  rules: { readonly policy: ExistingPolicy; readonly labels: RestoreLabels },
): ExistingDecision {
  if (rules.policy === "none" || rules.policy === "fail") return { action: "unchanged" };
  const operations = labelOperations(live, rules.labels);
  return operations.length === 0
    ? { action: "unchanged" }
    : { action: "labelsOnly", operations: guarded(live, operations) };
}

function mergeServiceAccount(desired: KubeObject, live: KubeObject): ExistingDecision {
  const merged = mergedServiceAccount(desired, live);
  const { operations, changes } = differenceOf(live, merged);
  if (operations.length === 0) return { action: "unchanged" };
  return { action: "patch", changes, ...plannedWrite(live, merged, operations), desired: merged };
}

/** What merging `desired` into `live` would change. */
export function changesOfMerge(desired: KubeObject, live: KubeObject): readonly FieldChange[] {
  return differenceOf(live, mergedServiceAccount(desired, live)).changes;
}

/**
 * Velero's merge of service accounts, whatever the policy: missing secrets, labels and annotations are added, live values
 * win, the restore labels are not put on.
 */
export function mergedServiceAccount(desired: KubeObject, live: KubeObject): KubeObject {
  const {
    "velero.io/backup-name": _backup,
    "velero.io/restore-name": _restore,
    ...labels
  } = desired.metadata.labels ?? {};
  const merged: KubeObject = structuredClone(live);
  for (const field of ["secrets", "imagePullSecrets"]) {
    const there = new Set(recordsAt(live, field).map((entry) => entry.name));
    const missing = recordsAt(desired, field).filter((entry) => !there.has(entry.name));
    if (missing.length > 0) merged[field] = [...recordsAt(live, field), ...missing];
  }
  merged.metadata.labels = mergedMap(labels, at(live, "metadata", "labels"));
  merged.metadata.annotations = mergedMap(desired.metadata.annotations ?? {}, at(live, "metadata", "annotations"));
  if (Object.keys(merged.metadata.labels).length === 0) delete merged.metadata.labels;
  if (Object.keys(merged.metadata.annotations).length === 0) delete merged.metadata.annotations;
  return stripServerFields(merged).object;
}

function mergedMap(archived: Readonly<Record<string, string>>, live: unknown): Record<string, string> {
  return { ...archived, ...(live as Record<string, string> | undefined) };
}
