/** What a backup lists: resources in order, each with its namespaces and selectors. Pure. */
import { type ExpandedNamespaces, expandNamespaces } from "../api/include-exclude.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { formatLabelSelector } from "../api/label-selector.ts";
import { groupResource, type ObjectKey } from "../api/object.ts";
import { resourceResolver } from "../api/resource-name.ts";
import type { IncludeExcludePolicy } from "../api/resource-policy.ts";
import type { Discovery, ServedResource } from "../kube/client.ts";
import { type ResourceScope, resourceScope, type ScopedResource } from "./scope-plan.ts";
import { namespaceLists } from "./spec-plan.ts";

/** A served resource with its name in paths and filters. */
export interface PlannedResource extends ServedResource, ScopedResource {}

/** One resource to list. */
export interface ListTask {
  readonly resource: PlannedResource;
  /** One LIST each; `[""]` lists all namespaces, or a cluster-scoped resource. */
  readonly namespaces: readonly string[];
  /** One LIST each; `[""]` selects every object. */
  readonly selectors: readonly string[];
  /** Fetched one by one before the LISTs, in this order. */
  readonly first: readonly ObjectKey[];
}

/** What is known of a namespace. */
export interface NamespaceFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Being deleted, or in phase Terminating. */
  readonly terminating: boolean;
}

export interface BackupPlan {
  /** Pods, claims and volumes first; never the Namespace objects, which are chosen last. */
  readonly tasks: readonly ListTask[];
  /** Every resource that could be archived, by name, in its preferred version. */
  readonly resources: ReadonlyMap<string, PlannedResource>;
  /** Other served versions of the tasks' resources; only with `apiVersions: All`. */
  readonly otherVersions: readonly ListTask[];
  readonly scope: ResourceScope;
  readonly namespaces: ExpandedNamespaces;
  /** For the results. */
  readonly warnings: readonly string[];
  readonly errors: readonly PlanError[];
}

export interface PlanError {
  readonly resource: string;
  readonly message: string;
}

export interface PlanInput {
  readonly spec: BackupSpec;
  readonly discovery: Discovery;
  readonly namespaces: readonly NamespaceFacts[];
  /** Namespaces that carry the label that keeps them out. */
  readonly labelledOut: readonly string[];
  readonly policy?: IncludeExcludePolicy | undefined;
}

const REQUIRED_VERBS = ["list", "create", "get", "delete"];
/** The same objects under two groups: the first group in the server's order is taken. */
const COHABITING: Readonly<Record<string, string>> = {
  "deployments.extensions": "deployments",
  "deployments.apps": "deployments",
  "daemonsets.extensions": "daemonsets",
  "daemonsets.apps": "daemonsets",
  "replicasets.extensions": "replicasets",
  "replicasets.apps": "replicasets",
  "networkpolicies.extensions": "networkpolicies",
  "networkpolicies.networking.k8s.io": "networkpolicies",
  events: "events",
  "events.events.k8s.io": "events",
};
const FIRST = ["pods", "persistentvolumeclaims", "persistentvolumes"];
/** One LIST over everything is cheaper than many small ones from here on, where most namespaces are wanted anyway. */
const MANY_NAMESPACES = 16;

/** Plans the LISTs of a spec that was validated. */
export function planBackup(input: PlanInput): BackupPlan {
  const { spec, discovery } = input;
  const served = archivable(discovery.resources);
  const preferred = onePerObject(served.filter((resource) => resource.preferred));
  const byName = new Map(preferred.map((resource) => [resource.name, resource]));
  const scope = resourceScope(spec, {
    resolve: resourceResolver(preferred),
    isNamespaced: (name) => byName.get(name)?.namespaced,
    policy: input.policy,
  });
  const existing = input.namespaces.map((namespace) => namespace.name);
  const namespaces = expandNamespaces(namespaceLists(spec, input.labelledOut), existing);
  const plan = { scope, namespaces, spec, existing, resolve: resourceResolver(preferred) };
  const tasks = preferred
    .filter((resource) => resource.name !== "namespaces" && scope.lists(resource))
    .flatMap((resource) => listTask(resource, plan));
  const listed = new Set(tasks.map((task) => task.resource.name));
  return {
    tasks: inOrder(tasks),
    resources: byName,
    otherVersions:
      spec.apiVersions === "All"
        ? served
            .filter((resource) => !resource.preferred && listed.has(resource.name))
            .flatMap((resource) => listTask(resource, plan))
        : [],
    scope,
    namespaces,
    warnings: planWarnings(input, namespaces),
    errors: namespaces.missing.map((name) => ({
      resource: "namespaces",
      message: `fail to get the namespace ${name} specified in backup.Spec.IncludedNamespaces`,
    })),
  };
}

/** The selectors of a spec in the form LIST takes; `[""]` when everything is selected. */
export function listSelectors(spec: BackupSpec): string[] {
  const either = (spec.orLabelSelectors ?? []).map(formatLabelSelector);
  return either.length > 0 ? either : [formatLabelSelector(spec.labelSelector)];
}

/** What can be listed, restored and deleted again, with the group `extensions` last. */
function archivable(resources: readonly ServedResource[]): PlannedResource[] {
  const usable = resources
    .filter((resource) => REQUIRED_VERBS.every((verb) => resource.verbs.includes(verb)))
    .map((resource) => ({ ...resource, name: groupResource(resource) }));
  return [
    ...usable.filter((resource) => resource.group !== "extensions"),
    ...usable.filter((resource) => resource.group === "extensions"),
  ];
}

function onePerObject(resources: readonly PlannedResource[]): PlannedResource[] {
  const seen = new Set<string>();
  return resources.filter((resource) => {
    const identity = COHABITING[resource.name] ?? resource.name;
    if (identity !== resource.name && seen.has(identity)) return false;
    if (seen.has(`=${resource.name}`)) return false;
    seen.add(identity).add(`=${resource.name}`);
    return true;
  });
}

interface TaskContext {
  readonly spec: BackupSpec;
  readonly namespaces: ExpandedNamespaces;
  readonly existing: readonly string[];
  readonly resolve: (name: string) => string;
}

function listTask(resource: PlannedResource, context: TaskContext): ListTask[] {
  const namespaces = resource.namespaced ? namespacesToList(context) : [""];
  if (namespaces.length === 0) return [];
  return [{ resource, namespaces, selectors: listSelectors(context.spec), first: orderedKeys(resource, context) }];
}

function namespacesToList({ namespaces, existing }: TaskContext): readonly string[] {
  if (namespaces.included === undefined) return [""];
  const missing = new Set(namespaces.missing);
  const wanted = namespaces.included.filter((name) => !missing.has(name));
  return wanted.length > MANY_NAMESPACES && wanted.length * 2 > existing.length ? [""] : wanted;
}

function orderedKeys(resource: PlannedResource, { spec, resolve }: TaskContext): ObjectKey[] {
  const entries = Object.entries(spec.orderedResources ?? {}).filter(([name]) => resolve(name) === resource.name);
  return entries.flatMap(([, names]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => {
        const slash = name.indexOf("/");
        return slash < 0 ? { namespace: "", name } : { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
      }),
  );
}

function inOrder(tasks: readonly ListTask[]): ListTask[] {
  const first = FIRST.flatMap((name) => tasks.filter((task) => task.resource.name === name));
  return [...first, ...tasks.filter((task) => !FIRST.includes(task.resource.name))];
}

function planWarnings(input: PlanInput, namespaces: ExpandedNamespaces): string[] {
  const warnings = input.discovery.failures.map(
    ({ groupVersion, message }) =>
      `Failed to discover group: ${groupVersion}: ${message}: its objects are not in this backup`,
  );
  if (namespaces.matchedNothing) warnings.push("no namespaces matched the resolution of wildcard patterns");
  return warnings;
}
