/** The RestorePlan that the flags of `restore create` ask for. */
import type { ConfigMapReference, RestorePlan, RestorePlanSpec } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import { type LabelSelector, parseLabelSelector } from "../api/label-selector.ts";
import { CodedError } from "../errors.ts";

type List = readonly string[];
type Mapping = Readonly<Record<string, string>>;

export interface RestoreCreateOptions {
  readonly fromBackup?: string;
  readonly fromPolicy?: string;
  readonly schedule?: string;
  readonly asOf?: string;
  readonly allowPartiallyFailed?: boolean;
  readonly includeNamespaces?: List;
  readonly excludeNamespaces?: List;
  readonly includeResources?: List;
  readonly excludeResources?: List;
  readonly includeNames?: List;
  readonly includeClusterResources?: boolean;
  readonly selector?: string;
  readonly orSelector?: string;
  readonly existingResourcePolicy?: "none" | "update" | "recreate" | "fail";
  readonly namespaceMappings?: Mapping;
  readonly storageClassMappings?: Mapping;
  readonly resourceModifierConfigmap?: string;
  readonly resourcePoliciesConfigmap?: string;
  readonly statusIncludeResources?: List;
  readonly statusExcludeResources?: List;
  readonly preserveNodeports?: boolean;
  readonly restoreVolumes?: boolean;
  readonly labels?: Mapping;
  readonly annotations?: Mapping;
  readonly safetyBackup: boolean;
  readonly runId?: string;
}

/**
 * Builds the object; `time` is `YYYYMMDDhhmmss`. @throws {Usage} when no source, or two, are given, and for what no
 * restore can do
 */
export function restorePlanOf(
  options: RestoreCreateOptions,
  given: { name: string | undefined; namespace: string; time: string },
): RestorePlan {
  if (options.restoreVolumes === true) {
    throw new CodedError(
      "Usage",
      { argument: "--restore-volumes" },
      "Holdfast restores no volume data yet: claims come back, their data does not; leave --restore-volumes out",
    );
  }
  const source = sourceOf(options);
  const base = options.fromBackup ?? options.fromPolicy ?? "restore";
  const spec = defined({
    source,
    includedNamespaces: options.includeNamespaces,
    excludedNamespaces: options.excludeNamespaces,
    includedResources: options.includeResources,
    excludedResources: options.excludeResources,
    includedNames: options.includeNames,
    includeClusterResources: options.includeClusterResources,
    labelSelector: options.selector === undefined ? undefined : selectorOf("--selector", options.selector),
    orLabelSelectors: options.orSelector?.split(/\s+or\s+/).map((text) => selectorOf("--or-selector", text)),
    namespaceMapping: options.namespaceMappings,
    storageClassMapping: options.storageClassMappings,
    existingResourcePolicy: options.existingResourcePolicy,
    resourceModifier: configMapNamed(options.resourceModifierConfigmap),
    resourcePolicy: configMapNamed(options.resourcePoliciesConfigmap),
    restoreStatus: statusOf(options),
    preserveNodePorts: options.preserveNodeports,
    safetyBackup: options.safetyBackup ? undefined : { mode: "Off" },
    runId: options.runId,
  });
  return {
    apiVersion: API_VERSION,
    kind: "RestorePlan",
    metadata: defined({
      name: given.name ?? `${base}-${given.time}`,
      namespace: given.namespace,
      labels: options.labels,
      annotations: options.annotations,
    }),
    spec: spec as unknown as RestorePlanSpec,
  };
}

function sourceOf({
  fromBackup,
  fromPolicy,
  schedule,
  asOf,
  allowPartiallyFailed,
}: RestoreCreateOptions): RestorePlanSpec["source"] {
  if ((fromBackup === undefined) === (fromPolicy === undefined)) {
    throw new CodedError(
      "Usage",
      { argument: "--from-backup" },
      "say what to restore: either --from-backup or --from-policy",
    );
  }
  if (fromBackup !== undefined) return { backupName: fromBackup };
  return { policy: defined({ name: fromPolicy ?? "", schedule, asOf, allowPartiallyFailed }) };
}

function configMapNamed(name: string | undefined): ConfigMapReference | undefined {
  return name === undefined ? undefined : { kind: "ConfigMap", name };
}

function statusOf({ statusIncludeResources, statusExcludeResources }: RestoreCreateOptions): object | undefined {
  if (statusIncludeResources === undefined && statusExcludeResources === undefined) return undefined;
  return defined({ includedResources: statusIncludeResources, excludedResources: statusExcludeResources });
}

function selectorOf(argument: string, text: string): LabelSelector {
  const selector = parseLabelSelector(text);
  if (selector !== undefined) return selector;
  throw new CodedError(
    "Usage",
    { argument },
    `${argument} ${JSON.stringify(text)} is not a label selector: write key=value, key in (a,b), key or !key`,
  );
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
