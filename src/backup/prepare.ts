/** What a backup must know before it lists anything: namespaces, its resource policy, what the server serves. */
import { type ParsedPolicy, parseResourcePolicy, type ResourcePolicy } from "../api/resource-policy.ts";
import type { KubeClient } from "../kube/client.ts";
import { at } from "./item-plan.ts";
import { labelledOutNamespaces, readNamespaces } from "./namespaces.ts";
import { type BackupPlan, type NamespaceFacts, planBackup } from "./plan.ts";
import { NEVER_ARCHIVED } from "./scope-plan.ts";
import { namespaceProblems, policyProblems } from "./spec-plan.ts";
import type { BackupRequest } from "./types.ts";

/** Ready to run. */
export interface PreparedBackup {
  readonly plan: BackupPlan;
  readonly namespaces: readonly NamespaceFacts[];
  readonly labelledOut: readonly string[];
  readonly policy: ResourcePolicy | undefined;
  readonly serverVersion: ServerVersion;
}

export interface ServerVersion {
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

export type Preparation =
  | { readonly type: "ready"; readonly prepared: PreparedBackup }
  | { readonly type: "refused"; readonly problems: readonly string[] };

/** Reads what validation and planning need. @throws {KubeUnavailable, KubeForbidden} */
export async function prepareBackup(
  kube: KubeClient,
  request: BackupRequest,
  signal: AbortSignal,
): Promise<Preparation> {
  const [namespaces, parsedPolicy, serverVersion] = await Promise.all([
    readNamespaces(kube, signal),
    readPolicy(kube, request, signal),
    readServerVersion(kube, signal),
  ]);
  const labelledOut = labelledOutNamespaces(namespaces);
  const problems = [
    ...namespaceProblems(request.spec, labelledOut),
    ...policyProblems(request.spec, request.namespace, parsedPolicy),
  ];
  if (problems.length > 0) return { type: "refused", problems };
  const policy = parsedPolicy?.type === "parsed" ? parsedPolicy.policy : undefined;
  const plan = planBackup({
    spec: request.spec,
    discovery: await kube.discovery({ refresh: true, signal }),
    namespaces,
    labelledOut,
    policy: policy?.includeExcludePolicy,
  });
  return {
    type: "ready",
    prepared: {
      plan: request.objects === undefined ? plan : { ...plan, tasks: [], otherVersions: [], errors: [], warnings: [] },
      namespaces,
      labelledOut,
      policy,
      serverVersion,
    },
  };
}

/** The explicit objects by resource, without those of kinds that are never archived. */
export function requestedByResource(request: BackupRequest): Map<string, { namespace: string; name: string }[]> {
  const byResource = new Map<string, { namespace: string; name: string }[]>();
  for (const { resource, key } of request.objects ?? []) {
    if (NEVER_ARCHIVED.has(resource)) continue;
    const keys = byResource.get(resource) ?? [];
    keys.push(key);
    byResource.set(resource, keys);
  }
  return byResource;
}

async function readPolicy(
  kube: KubeClient,
  request: BackupRequest,
  signal: AbortSignal,
): Promise<ParsedPolicy | undefined> {
  const reference = request.spec.resourcePolicy;
  if (reference === undefined) return undefined;
  const configMap = await kube.get(
    { group: "", version: "v1", resource: "configmaps" },
    { namespace: request.namespace, name: reference.name },
    signal,
  );
  if (configMap === undefined) return undefined;
  const data = typeof configMap.data === "object" && configMap.data !== null ? configMap.data : {};
  return parseResourcePolicy(Object.fromEntries(Object.entries(data).map(([key, text]) => [key, String(text)])));
}

async function readServerVersion(kube: KubeClient, signal: AbortSignal): Promise<ServerVersion> {
  const version = await kube.getPath("/version", signal);
  const field = (name: string): string => String(at(version, name) ?? "");
  return { gitVersion: field("gitVersion"), major: field("major"), minor: field("minor") };
}
