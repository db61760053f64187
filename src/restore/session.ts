/** What one restore knows while it goes on: its options, what the cluster serves, and the facts that later steps need. */
import { groupResource } from "../api/object.ts";
import { resourceResolver } from "../api/resource-name.ts";
import { CodedError } from "../errors.ts";
import type { Discovery, ServedResource } from "../kube/client.ts";
import { type BackedUpVolumes, readBackedUpVolumes } from "./backed-up-volumes.ts";
import { loadFilters } from "./filters.ts";
import type { KnownWorld } from "./kinds/handler.ts";
import { restoreLabels } from "./labels.ts";
import type { LeftOut } from "./left-out.ts";
import { parseModifierConfigMap } from "./modifier-rules.ts";
import { createModifiers, type Modifiers } from "./modifiers.ts";
import { type RestoreOptions, restoreOptions } from "./options.ts";
import type { PlanRules } from "./plan.ts";
import { findRelated, type RelatedNames } from "./related.ts";
import { createSelection, type Selection } from "./selection.ts";
import { DEFAULT_LIMITS, type RestoreDeps, type RestoreLimits, type RestoreRequest } from "./types.ts";

/** One restore under way, planned or executed. */
export interface RestoreSession {
  readonly deps: RestoreDeps;
  readonly request: RestoreRequest;
  readonly limits: RestoreLimits;
  readonly options: RestoreOptions;
  readonly selection: Selection;
  readonly rules: PlanRules;
  readonly modifiers: Modifiers | undefined;
  readonly related: RelatedNames;
  readonly facts: Facts;
}

/** What is learned on the way. */
export interface Facts {
  discovery: Discovery;
  /** Names of PersistentVolumes whose claims get new volumes. */
  readonly dynamicVolumes: Set<string>;
  readonly backedUpVolumes: BackedUpVolumes;
  readonly storageClasses: Set<string>;
  /** `namespace/name` of service accounts that exist or will. */
  readonly serviceAccounts: Set<string>;
  /** Resources that CRDs of this very restore will serve. */
  readonly comingResources: Set<string>;
  /** Target namespaces that were looked at. */
  readonly namespaces: Set<string>;
  /** Target namespaces that this restore makes. */
  readonly newNamespaces: Set<string>;
  /** Target namespaces that could not be made, and why. */
  readonly lostNamespaces: Map<string, string>;
  /** Remarks on the whole restore. */
  readonly notes: string[];
  /** What the policy's filters leave out of each resource that was looked at. */
  readonly leftOut: Map<string, LeftOut>;
}

/** Starts a session: reads discovery and compiles the spec. @throws {InvalidSpec} for modifiers or a policy that can't be read. */
export async function openSession(deps: RestoreDeps, request: RestoreRequest): Promise<RestoreSession> {
  const discovery = await deps.kube.discovery({ refresh: true, ...signalOf(request) });
  const resolve = resourceResolver(discovery.resources);
  const options = restoreOptions(request.spec, resolve, request);
  const filters = await loadFilters(request, discovery, resolve);
  const selection = createSelection(options, await namespacesOf(request, options), filters?.lookup);
  const modifiers = modifiersOf(request);
  const facts = await gatherFacts(deps, request, options, discovery);
  const known = knownWorld(facts);
  const labels = restoreLabels(request.backup.backup.metadata.name || request.backup.name, request.run);
  const rules: PlanRules = {
    options,
    labels,
    modifiers,
    known,
    resumes: request.mayResume === true ? request.run : undefined,
  };
  if (selection.namespaces.matchedNothing)
    facts.notes.push("no namespace of the backup matches the patterns of includedNamespaces");
  facts.notes.push(...(filters?.warnings(selection.includesResource) ?? []));
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const related = await findRelated(request.backup, selection);
  return { deps, request, limits, options, selection, rules, modifiers, related, facts };
}

/** `{signal}` where there is one. */
export function signalOf(request: Pick<RestoreRequest, "signal">): { signal?: AbortSignal } {
  return request.signal === undefined ? {} : { signal: request.signal };
}

/** The served resource of this name at this version; undefined when it is not served so. */
export function servedAt(discovery: Discovery, resource: string, version: string): ServedResource | undefined {
  return discovery.resources.find((served) => served.version === version && groupResource(served) === resource);
}

/** Every served version of a resource, the preferred one first. */
export function servedVersions(discovery: Discovery, resource: string): ServedResource[] {
  const all = discovery.resources.filter((served) => groupResource(served) === resource);
  return all.sort((a, b) => Number(b.preferred) - Number(a.preferred));
}

function knownWorld(facts: Facts): KnownWorld {
  return {
    storageClassExists: (name) => facts.storageClasses.has(name),
    serviceAccountExists: (namespace, name) => facts.serviceAccounts.has(`${namespace}/${name}`),
    isDynamicVolume: (name) => facts.dynamicVolumes.has(name),
    volumeMethod: (volume) => facts.backedUpVolumes.methodOf(volume),
  };
}

async function gatherFacts(
  deps: RestoreDeps,
  request: RestoreRequest,
  options: RestoreOptions,
  discovery: Discovery,
): Promise<Facts> {
  const storageClasses = new Set<string>();
  if (options.storageClassMapping.size > 0) {
    const gvr = { group: "storage.k8s.io", version: "v1", resource: "storageclasses" };
    for (const { metadata } of await deps.kube.list(gvr, signalOf(request))) storageClasses.add(metadata.name);
  }
  return {
    discovery,
    dynamicVolumes: new Set(),
    backedUpVolumes: await readBackedUpVolumes(deps.store, request.backup, request.signal),
    storageClasses,
    serviceAccounts: new Set(),
    comingResources: new Set(),
    namespaces: new Set(),
    newNamespaces: new Set(),
    lostNamespaces: new Map(),
    leftOut: new Map(),
    notes: discovery.failures.map(
      ({ groupVersion, message }) => `the API server could not tell about ${groupVersion}: ${message}`,
    ),
  };
}

/** Only patterns need to know which namespaces there are. */
async function namespacesOf(request: RestoreRequest, options: RestoreOptions): Promise<readonly string[]> {
  if (!options.namespaces.includes.some((entry) => /[*?[\]{}]/.test(entry) && entry !== "*")) return [];
  const found = new Set<string>();
  for (const resource of await request.backup.resources()) {
    for await (const row of request.backup.rows(resource)) {
      if (row.namespace !== "") found.add(row.namespace);
      else if (resource === "namespaces") found.add(row.name);
    }
  }
  return [...found].sort();
}

function modifiersOf(request: RestoreRequest): Modifiers | undefined {
  const own = request.spec.modifiers ?? [];
  if (request.modifierData === undefined) return own.length === 0 ? undefined : createModifiers(own);
  const parsed = parseModifierConfigMap(request.modifierData);
  if (parsed.type === "rules") return createModifiers([...parsed.rules, ...own]);
  throw new CodedError("InvalidSpec", { fields: ["resourceModifier"] }, parsed.problems.join("; "));
}
