/** Whether a backup's spec can run at all, said before anything is listed, in Velero's words. */
import {
  type IncludeExcludeLists,
  includeExcludeProblems,
  namespaceListProblems,
  scopedIncludeExcludeProblems,
} from "../api/include-exclude.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { labelSelectorProblems } from "../api/label-selector.ts";
import type { ObjectKey } from "../api/object.ts";
import { idleGlobalSections, type ParsedPolicy, type ResourcePolicy } from "../api/resource-policy.ts";
import { isDataDemand } from "../api/volume-policy.ts";
import { usesOldFamily, usesScopedFamily } from "./scope-plan.ts";

const OLD_FIELDS = ["includedResources", "excludedResources", "includeClusterResources"] as const;
const SCOPED_FIELDS = [
  "includedClusterScopedResources",
  "excludedClusterScopedResources",
  "includedNamespaceScopedResources",
  "excludedNamespaceScopedResources",
] as const;

/** What is wrong with the spec by itself; empty when nothing is. */
export function specProblems(spec: BackupSpec): string[] {
  return [...familyProblems(spec), ...listProblems(spec), ...selectorProblems(spec), ...volumeProblems(spec)];
}

/** The namespace lists once the namespaces that are labelled out of backups are known. */
export function namespaceProblems(spec: BackupSpec, labelledOut: readonly string[]): string[] {
  return namespaceListProblems(namespaceLists(spec, labelledOut)).map(
    (problem) => `Invalid included/excluded namespace lists: ${problem}`,
  );
}

/** The namespace filter's lists: a namespace labelled out of backups is excluded, named or not. */
export function namespaceLists(spec: BackupSpec, labelledOut: readonly string[]): IncludeExcludeLists {
  const own = spec.excludedNamespaces ?? [];
  return {
    includes: spec.includedNamespaces ?? [],
    excludes: [...own, ...labelledOut.filter((name) => !own.includes(name))],
  };
}

/** What is wrong with the resource policy that the spec names; `parsed` is undefined when the ConfigMap does not exist. */
export function policyProblems(spec: BackupSpec, namespace: string, parsed: ParsedPolicy | undefined): string[] {
  const reference = spec.resourcePolicy;
  if (reference === undefined) return [];
  const at = `${namespace}/${reference.name}`;
  if (reference.kind.toLowerCase() !== "configmap") {
    return [`invalid resource policies: resourcePolicy.kind ${reference.kind} is not supported, use configmap`];
  }
  if (parsed === undefined) {
    return [
      `invalid resource policies: fail to get ResourcePolicies ${at} ConfigMap: ConfigMap "${reference.name}" not found`,
    ];
  }
  if (parsed.type === "refused") return [`invalid resource policies: ${at}: ${parsed.problem}`];
  const problems = usesOldFamily(spec) ? mixedProblems(spec, parsed.policy) : [];
  const demanded = new Set(parsed.policy.volumePolicies.map((rule) => rule.action).filter(isDataDemand));
  for (const action of demanded) problems.push(`resourcePolicy ${at} has the action ${action}: ${NO_VOLUME_DATA}`);
  return problems;
}

/**
 * What is wrong with the ConfigMap whose volume policies hold for every backup, at most one thing; `parsed` is undefined
 * when it does not exist. Filters in it would do nothing, which nobody who wrote them means.
 */
export function globalPolicyProblems({ namespace, name }: ObjectKey, parsed: ParsedPolicy | undefined): string[] {
  const say = (what: string): string[] => [`global volume policies: ConfigMap ${namespace}/${name}${what}`];
  if (parsed === undefined)
    return say(" not found: create it, or run without --global-backup-volume-policies-configmap");
  if (parsed.type === "refused") return say(`: ${parsed.problem}`);
  const { content, policy } = parsed;
  const [filter] = idleGlobalSections(content);
  if (filter !== undefined)
    return say(
      `: ${filter} would do nothing: only volumePolicies hold for every backup, so write it into the ConfigMaps that backups name`,
    );
  const index = policy.volumePolicies.findIndex(({ action }) => isDataDemand(action));
  const action = policy.volumePolicies[index]?.action;
  return action === undefined ? [] : say(`: volumePolicies[${index}] has the action ${action}: ${NO_VOLUME_DATA}`);
}

/** The sections of a policy that go with the scoped lists only. */
function mixedProblems(spec: BackupSpec, policy: ResourcePolicy): string[] {
  const { includeExcludePolicy, namespacedFilters, clusterScopedFilters } = policy;
  const old = OLD_FIELDS.filter((field) => isGiven(spec, field)).join(", ");
  const say = (what: string): string =>
    `include-resources, exclude-resources and include-cluster-resources are old filter parameters. They cannot be used with ${what}: take ${old} out of the spec, and say it in the policy's includeExcludePolicy`;
  return [
    ...(includeExcludePolicy === undefined ? [] : [say("include-exclude policies")]),
    ...(namespacedFilters.length === 0 && clusterScopedFilters.length === 0
      ? []
      : [say("namespace-scoped or fine-grained global filter policies")]),
  ];
}

const NO_VOLUME_DATA = "Holdfast copies no volume data yet, so it refuses what demands it";

function familyProblems(spec: BackupSpec): string[] {
  if (!usesOldFamily(spec) || !usesScopedFamily(spec)) return [];
  const given = [...OLD_FIELDS, ...SCOPED_FIELDS].filter((field) => isGiven(spec, field));
  return [
    "include-resources, exclude-resources and include-cluster-resources are old filter parameters.\n" +
      "include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.\n" +
      `They cannot be used together (${given.join(", ")})`,
  ];
}

function isGiven(spec: BackupSpec, field: (typeof OLD_FIELDS | typeof SCOPED_FIELDS)[number]): boolean {
  const value = spec[field];
  return typeof value === "boolean" || (value !== undefined && value.length > 0);
}

function listProblems(spec: BackupSpec): string[] {
  const say = (what: string, problems: readonly string[]): string[] =>
    problems.map((problem) => `Invalid ${what} lists: ${problem}`);
  return [
    ...say(
      "included/excluded resource",
      includeExcludeProblems({ includes: spec.includedResources ?? [], excludes: spec.excludedResources ?? [] }),
    ),
    ...say(
      "cluster-scoped included/excluded resource",
      scopedIncludeExcludeProblems({
        includes: spec.includedClusterScopedResources ?? [],
        excludes: spec.excludedClusterScopedResources ?? [],
      }),
    ),
    ...say(
      "namespace-scoped included/excluded resource",
      scopedIncludeExcludeProblems({
        includes: spec.includedNamespaceScopedResources ?? [],
        excludes: spec.excludedNamespaceScopedResources ?? [],
      }),
    ),
    ...say("included/excluded namespace", namespaceListProblems(namespaceLists(spec, []))),
  ];
}

function selectorProblems(spec: BackupSpec): string[] {
  const problems: string[] = [];
  if (spec.labelSelector !== undefined && (spec.orLabelSelectors?.length ?? 0) > 0) {
    problems.push("encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified");
  }
  const selectors = [spec.labelSelector, ...(spec.orLabelSelectors ?? [])].flatMap((selector) => selector ?? []);
  for (const problem of selectors.flatMap(labelSelectorProblems)) problems.push(`Invalid label selector: ${problem}`);
  return problems;
}

function volumeProblems(spec: BackupSpec): string[] {
  const demands = (["snapshotVolumes", "defaultVolumesToFsBackup", "snapshotMoveData"] as const).filter(
    (field) => spec[field] === true,
  );
  const problems = demands.map((field) => `${field}: true asks for volume data: ${NO_VOLUME_DATA}`);
  // Not a field of ours, but a spec carried over from Velero may hold it.
  const { volumeSnapshotLocations } = spec as { volumeSnapshotLocations?: unknown };
  if (Array.isArray(volumeSnapshotLocations) && volumeSnapshotLocations.length > 0) {
    problems.push(`volumeSnapshotLocations asks for volume snapshots: ${NO_VOLUME_DATA}`);
  }
  return problems;
}
