/** A RestorePlan's spec as the engine uses it: defaults applied, lists compiled, Velero's meaning kept. */
import { compileGlob } from "../api/glob.ts";
import type { IncludeExcludeLists } from "../api/include-exclude.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import type { LabelSelector } from "../api/label-selector.ts";
import type { ResolveResource } from "../api/resource-name.ts";
import { type RestoreHook, restoreHooks } from "./hook-spec.ts";
import { DEFAULT_PRIORITIES, type Priorities, parsePriorities } from "./order.ts";

export type ExistingPolicy = "none" | "update" | "recreate" | "fail";

/** One image mapping: the text that is replaced, and by what. */
export interface ImageRule {
  readonly from: string;
  readonly to: string;
}

/** What a restore was asked to do. */
export interface RestoreOptions {
  readonly namespaces: IncludeExcludeLists;
  readonly resources: IncludeExcludeLists;
  /** Undefined: cluster-scoped objects only where no namespace is selected. */
  readonly includeClusterResources: boolean | undefined;
  /** An object must match one of them; empty: every object. */
  readonly selectors: readonly LabelSelector[];
  /** `name` or `namespace/name`, globs allowed; empty: every object. */
  readonly names: IncludeExcludeLists;
  readonly namespaceMapping: ReadonlyMap<string, string>;
  readonly storageClassMapping: ReadonlyMap<string, string>;
  readonly imageMapping: readonly ImageRule[];
  readonly existing: ExistingPolicy;
  /** By full resource name or glob, the first that matches decides. */
  readonly existingOverrides: readonly { matches(resource: string): boolean; readonly policy: ExistingPolicy }[];
  /** Undefined: no status is put back, but where an object's annotation asks for it. */
  readonly restoreStatus: IncludeExcludeLists | undefined;
  readonly preserveNodePorts: boolean;
  readonly hooks: readonly RestoreHook[];
  readonly priorities: Priorities;
}

/** What stands beside the spec: Velero's plug-in ConfigMaps, over which the spec's own mappings win, and the order. */
export interface PluginMappings {
  /** As `parsePriorities` reads them; Velero's own unless told. */
  readonly resourcePriorities?: readonly string[];
  readonly storageClassMapping?: Readonly<Record<string, string>>;
  /** Values `old,new`. */
  readonly imageMapping?: readonly string[];
}

/** Reads a spec that passed `restoreSpecProblems`. */
export function restoreOptions(
  spec: RestorePlanSpec,
  resolve: ResolveResource,
  plugins: PluginMappings = {},
): RestoreOptions {
  return {
    namespaces: { includes: spec.includedNamespaces ?? [], excludes: spec.excludedNamespaces ?? [] },
    resources: lists(spec.includedResources, spec.excludedResources, resolve),
    includeClusterResources: spec.includeClusterResources,
    selectors: selectorsOf(spec),
    names: { includes: spec.includedNames ?? [], excludes: spec.excludedNames ?? [] },
    namespaceMapping: new Map(Object.entries(spec.namespaceMapping ?? {})),
    storageClassMapping: new Map(Object.entries({ ...plugins.storageClassMapping, ...spec.storageClassMapping })),
    imageMapping: imageRules(plugins),
    existing: spec.existingResourcePolicy ?? "none",
    existingOverrides: Object.entries(spec.existingResourceOverrides ?? {}).map(([name, policy]) => {
      const resource = resolve(name);
      return { matches: compileGlob(resource), policy };
    }),
    restoreStatus:
      spec.restoreStatus === undefined
        ? undefined
        : lists(spec.restoreStatus.includedResources, spec.restoreStatus.excludedResources, resolve),
    preserveNodePorts: spec.preserveNodePorts === true,
    hooks: restoreHooks(spec.hooks),
    priorities:
      plugins.resourcePriorities === undefined
        ? DEFAULT_PRIORITIES
        : parsePriorities(plugins.resourcePriorities, resolve),
  };
}

/** The policy for one resource: the first override that names it, else the plan's. */
export function existingPolicyFor(options: RestoreOptions, resource: string): ExistingPolicy {
  return options.existingOverrides.find((override) => override.matches(resource))?.policy ?? options.existing;
}

/** The namespace an archived object goes to. */
export function targetNamespaceOf(options: RestoreOptions, source: string): string {
  return options.namespaceMapping.get(source) ?? source;
}

function lists(
  includes: readonly string[] = [],
  excludes: readonly string[] = [],
  resolve: ResolveResource,
): IncludeExcludeLists {
  return { includes: includes.map(resolve), excludes: excludes.map(resolve) };
}

function selectorsOf(spec: RestorePlanSpec): readonly LabelSelector[] {
  if (spec.orLabelSelectors !== undefined && spec.orLabelSelectors.length > 0) return spec.orLabelSelectors;
  return spec.labelSelector === undefined ? [] : [spec.labelSelector];
}

function imageRules(plugins: PluginMappings): ImageRule[] {
  return (plugins.imageMapping ?? []).flatMap((pair) => {
    const [from, to, ...more] = pair.split(",").map((part) => part.trim());
    return from !== undefined && from !== "" && to !== undefined && to !== "" && more.length === 0
      ? [{ from, to }]
      : [];
  });
}
