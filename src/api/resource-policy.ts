/** Velero's resource policies: a ConfigMap that says what becomes of which volume, and which objects go into a backup. */
import { isNode, type ParsedNode, parseDocument, visit } from "yaml";
import {
  type NamespacedFilterPolicy,
  type ResourceFilter,
  readClusterScopedFilters,
  readNamespacedFilters,
} from "./filter-policy.ts";
import { asList, asRecord, asTexts, onlyFields, PolicyProblem } from "./policy-fields.ts";
import { readVolumePolicy, type VolumePolicy } from "./volume-policy.ts";

/** A policy's rules; strict: unknown fields were refused. */
export interface ResourcePolicy {
  readonly volumePolicies: readonly VolumePolicy[];
  readonly includeExcludePolicy?: IncludeExcludePolicy;
  /** Filters of cluster-scoped kinds; empty: none. */
  readonly clusterScopedFilters: readonly ResourceFilter[];
  readonly namespacedFilters: readonly NamespacedFilterPolicy[];
}

export interface IncludeExcludePolicy {
  readonly includedClusterScopedResources?: readonly string[];
  readonly excludedClusterScopedResources?: readonly string[];
  readonly includedNamespaceScopedResources?: readonly string[];
  readonly excludedNamespaceScopedResources?: readonly string[];
}

/** A policy as its YAML says it, in Velero's own words: `version`, and the sections that are written. */
export type PolicyContent = Readonly<Record<string, unknown>>;

export type ParsedPolicy =
  | { readonly type: "parsed"; readonly policy: ResourcePolicy; readonly content: PolicyContent }
  | { readonly type: "refused"; readonly problem: string };

const LISTS = [
  "includedClusterScopedResources",
  "excludedClusterScopedResources",
  "includedNamespaceScopedResources",
  "excludedNamespaceScopedResources",
] as const;

/** The sections of a policy; `version` stands beside them. */
export const POLICY_SECTIONS = [
  "volumePolicies",
  "includeExcludePolicy",
  "clusterScopedFilterPolicy",
  "namespacedFilterPolicies",
] as const;

/** The sections that a policy of a restore must not have, as Velero 1.18.3 has it. */
export function backupOnlySections({ volumePolicies, includeExcludePolicy }: ResourcePolicy): string[] {
  return [
    ...(volumePolicies.length === 0 ? [] : ["volumePolicies"]),
    ...(includeExcludePolicy === undefined ? [] : ["includeExcludePolicy"]),
  ];
}

/** The sections with words in them that do nothing in a policy for every backup: only its volume policies hold. */
export function idleGlobalSections(content: PolicyContent): string[] {
  return POLICY_SECTIONS.filter(
    (section) => section !== "volumePolicies" && content[section] !== undefined && content[section] !== null,
  );
}

/** The rules, where they could be read. */
export function policyOf(parsed: ParsedPolicy | undefined): ResourcePolicy | undefined {
  return parsed?.type === "parsed" ? parsed.policy : undefined;
}

/** Reads the ConfigMap's `data`: exactly one key, strict YAML, `version: v1`. */
export function parseResourcePolicy(data: Readonly<Record<string, string>>): ParsedPolicy {
  const [text, ...others] = Object.values(data);
  if (text === undefined || others.length > 0)
    return refused("illegal resource policies: the ConfigMap must have exactly one data key");
  const document = parseDocument(text, { uniqueKeys: true });
  const [syntax] = document.errors;
  if (syntax !== undefined) return refused(`failed to decode yaml data into resource policies: ${syntax.message}`);
  const { contents } = document;
  if (isNode(contents)) keepTexts(contents);
  try {
    const content: unknown = document.toJS({ maxAliasCount: 50 });
    return { type: "parsed", policy: readPolicy(content), content: content as PolicyContent };
  } catch (error) {
    if (error instanceof PolicyProblem) return refused(error.message);
    throw error;
  }
}

/** What a backup goes by: its own policy, and for volumes of which that says nothing, what holds for every backup. */
export function withGlobalVolumes(
  own: ResourcePolicy | undefined,
  global: ResourcePolicy | undefined,
): ResourcePolicy | undefined {
  if (global === undefined) return own;
  const rest = own ?? { volumePolicies: [], clusterScopedFilters: [], namespacedFilters: [] };
  return { ...rest, volumePolicies: [...rest.volumePolicies, ...global.volumePolicies] };
}

/** Filters compare texts: a label value `1.10` or `true` is what is written, not the number or the truth. */
function keepTexts(contents: ParsedNode): void {
  visit(contents, {
    Pair: (_key, { key }) => (isNode(key) && String(key) === "volumePolicies" ? visit.SKIP : undefined),
    Scalar: (_key, scalar) => {
      if (scalar.value !== null && scalar.source !== undefined) scalar.value = scalar.source;
    },
  });
}

function refused(problem: string): ParsedPolicy {
  return { type: "refused", problem };
}

function readPolicy(value: unknown): ResourcePolicy {
  const top = asRecord(value, "resource policies");
  onlyFields(top, ["version", ...POLICY_SECTIONS], "");
  if (top.version !== "v1")
    throw new PolicyProblem(`incompatible version number ${String(top.version)} with supported version v1`);
  const { includeExcludePolicy: lists } = top;
  return {
    volumePolicies: asList(top.volumePolicies, "volumePolicies").map(readVolumePolicy),
    ...(lists === undefined || lists === null ? {} : { includeExcludePolicy: readIncludeExclude(lists) }),
    clusterScopedFilters: readClusterScopedFilters(top.clusterScopedFilterPolicy),
    namespacedFilters: readNamespacedFilters(top.namespacedFilterPolicies),
  };
}

function readIncludeExclude(value: unknown): IncludeExcludePolicy {
  const raw = asRecord(value, "includeExcludePolicy");
  onlyFields(raw, LISTS, "includeExcludePolicy.");
  const policy: Record<string, readonly string[]> = {};
  for (const field of LISTS) {
    const names = asTexts(raw[field], `includeExcludePolicy.${field}`);
    if (names.includes("*")) throw new PolicyProblem(`cannot use '*' in ${field} of the includeExcludePolicy`);
    policy[field] = names;
  }
  for (const scope of ["ClusterScopedResources", "NamespaceScopedResources"]) {
    const both = policy[`excluded${scope}`]?.find((name) => policy[`included${scope}`]?.includes(name));
    if (both !== undefined)
      throw new PolicyProblem(`excludes list cannot contain an item in the includes list: ${both}`);
  }
  return policy;
}
