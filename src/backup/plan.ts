/** What a backup lists: resources in order, each with its namespaces and selectors. Pure. */
import { type ExpandedNamespaces, expandNamespaces } from "../api/include-exclude.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { groupResource, type ObjectKey } from "../api/object.ts";
import { resourceResolver } from "../api/resource-name.ts";
import type { ResourcePolicy } from "../api/resource-policy.ts";
import type { Discovery, ServedResource } from "../kube/client.ts";
import { type ResourceScope, resourceScope, type ScopedResource } from "./scope-plan.ts";
import { type ObjectSelection, objectSelection } from "./selection-plan.ts";
import { namespaceLists } from "./spec-plan.ts";

/** A served resource with its name in paths and filters. */
export interface PlannedResource extends ServedResource, ScopedResource {}

/** One resource to list. */
export interface ListTask {
  readonly resource: PlannedResource;
  readonly lists: readonly PlannedList[];
  /** Fetched one by one before the LISTs, in this order. */
  readonly first: readonly ObjectKey[];
}

/** One LIST, page by page. */
export interface PlannedList {
  /** "" lists all namespaces, or a cluster-scoped resource. */
  readonly namespace: string;
  /** "" selects every object. */
  readonly selector: string;
  /** The namespaces have filters of their own: each object that comes is held to those of its namespace. */
  readonly mixed: boolean;
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
  readonly selection: ObjectSelection;
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
  readonly policy?: ResourcePolicy | undefined;
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
  const resolve = resourceResolver(preferred);
  const isNamespaced = (name: string): boolean | undefined => byName.get(name)?.namespaced;
  const { policy } = input;
  const scope = resourceScope(spec, { resolve, isNamespaced, policy: policy?.includeExcludePolicy });
  const isExcluded = (name: string): boolean => scope.excludes({ name, namespaced: isNamespaced(name) === true });
  const selection = objectSelection(spec, { resolve, isNamespaced, isExcluded, policy });
  const existing = input.namespaces.map((namespace) => namespace.name);
  const namespaces = expandNamespaces(namespaceLists(spec, input.labelledOut), existing);
  const plan = { selection, namespaces, spec, existing, resolve };
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
    selection,
    warnings: [...planWarnings(input, namespaces), ...selection.warnings],
    errors: missingNamespaces(namespaces, scope).map((name) => ({
      resource: "namespaces",
      message: `fail to get the namespace ${name} specified in backup.Spec.IncludedNamespaces`,
    })),
  };
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
  readonly selection: ObjectSelection;
}

function listTask(resource: PlannedResource, context: TaskContext): ListTask[] {
  const lists = resource.namespaced ? namespacedLists(resource, context) : listsOf(resource, "", context);
  return lists.length === 0 ? [] : [{ resource, lists, first: orderedKeys(resource, context) }];
}

function listsOf(resource: PlannedResource, namespace: string, { selection }: TaskContext): PlannedList[] {
  return selection.selectors(resource, namespace).map((selector) => ({ namespace, selector, mixed: false }));
}

function namespacedLists(resource: PlannedResource, context: TaskContext): PlannedList[] {
  const { namespaces, existing, selection } = context;
  const missing = new Set(namespaces.missing);
  const wanted = (namespaces.included ?? existing.filter(namespaces.filter.includes)).filter(
    (name) => !missing.has(name),
  );
  const chosen = wanted.filter((name) => selection.selectors(resource, name).length > 0);
  const isWhole = namespaces.included === undefined && chosen.length === wanted.length;
  const isMost = chosen.length > MANY_NAMESPACES && chosen.length * 2 > existing.length;
  if (!isWhole && !isMost) return chosen.flatMap((name) => listsOf(resource, name, context));
  if (selection.differs(resource, wanted)) return [{ namespace: "", selector: "", mixed: true }];
  return selection.own.map((selector) => ({ namespace: "", selector, mixed: false }));
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

/** The empty name stands for no namespace; it is missed where Namespace objects are looked for, as in Velero. */
function missingNamespaces({ missing }: ExpandedNamespaces, scope: ResourceScope): readonly string[] {
  return scope.lists({ name: "namespaces", namespaced: false }) ? missing : missing.filter((name) => name !== "");
}

function planWarnings(input: PlanInput, namespaces: ExpandedNamespaces): string[] {
  const warnings = input.discovery.failures.map(
    ({ groupVersion, message }) =>
      `Failed to discover group: ${groupVersion}: ${message}: its objects are not in this backup`,
  );
  if (namespaces.matchedNothing) warnings.push("no namespaces matched the resolution of wildcard patterns");
  return warnings;
}
