/** What a backup must know before it lists anything: namespaces, its resource policy, what the server serves. */
import type { ObjectKey } from "../api/object.ts";
import {
  type ParsedPolicy,
  parseResourcePolicy,
  policyOf,
  type ResourcePolicy,
  withGlobalVolumes,
} from "../api/resource-policy.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Manifest, ManifestResourcePolicy } from "../storage/manifest.ts";
import { at } from "./item-plan.ts";
import { labelledOutNamespaces, readNamespaces } from "./namespaces.ts";
import { type BackupPlan, type NamespaceFacts, planBackup } from "./plan.ts";
import { NEVER_ARCHIVED } from "./scope-plan.ts";
import { globalPolicyProblems, namespaceProblems, policyProblems } from "./spec-plan.ts";
import type { BackupRequest } from "./types.ts";

/** Ready to run. */
export interface PreparedBackup {
  readonly plan: BackupPlan;
  readonly namespaces: readonly NamespaceFacts[];
  readonly labelledOut: readonly string[];
  readonly policy: ResourcePolicy | undefined;
  /** What the policies said, for the manifest. */
  readonly recordedPolicies: Pick<Manifest, "resourcePolicy" | "globalVolumePolicies">;
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
  const { spec, namespace, globalVolumePolicies: globalKey } = request;
  const [namespaces, own, global, serverVersion] = await Promise.all([
    readNamespaces(kube, signal),
    readPolicy(kube, request, signal),
    globalKey === undefined ? undefined : readPolicyMap(kube, globalKey, signal),
    readServerVersion(kube, signal),
  ]);
  const labelledOut = labelledOutNamespaces(namespaces);
  const problems = [
    ...namespaceProblems(spec, labelledOut),
    ...policyProblems(spec, namespace, own),
    ...(globalKey === undefined ? [] : globalPolicyProblems(globalKey, global)),
  ];
  if (problems.length > 0) return { type: "refused", problems };
  const policy = withGlobalVolumes(policyOf(own), policyOf(global));
  const plan = planBackup({
    spec,
    discovery: await kube.discovery({ refresh: true, signal }),
    namespaces,
    labelledOut,
    policy,
  });
  return {
    type: "ready",
    prepared: {
      plan: request.objects === undefined ? plan : { ...plan, tasks: [], otherVersions: [], errors: [], warnings: [] },
      namespaces,
      labelledOut,
      policy,
      recordedPolicies: {
        ...recorded("resourcePolicy", { namespace, name: spec.resourcePolicy?.name ?? "" }, own),
        ...recorded("globalVolumePolicies", globalKey, global),
      },
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

/** The resource policy that a spec names, as it is now; undefined where it names none, or the ConfigMap does not exist. */
export async function readPolicy(
  kube: KubeClient,
  request: Pick<BackupRequest, "namespace" | "spec">,
  signal: AbortSignal,
): Promise<ParsedPolicy | undefined> {
  const reference = request.spec.resourcePolicy;
  if (reference === undefined) return undefined;
  return await readPolicyMap(kube, { namespace: request.namespace, name: reference.name }, signal);
}

/**
 * Looks at the ConfigMap whose volume policies hold for every backup, before there is a backup.
 * @throws {InvalidSpec} where each backup would be refused for it
 */
export async function assertGlobalPolicy(kube: KubeClient, key: ObjectKey, signal: AbortSignal): Promise<void> {
  const [problem] = globalPolicyProblems(key, await readPolicyMap(kube, key, signal));
  if (problem !== undefined) throw new CodedError("InvalidSpec", { fields: [] }, problem);
}

async function readPolicyMap(kube: KubeClient, key: ObjectKey, signal: AbortSignal): Promise<ParsedPolicy | undefined> {
  const configMap = await kube.get({ group: "", version: "v1", resource: "configmaps" }, key, signal);
  if (configMap === undefined) return undefined;
  const data = typeof configMap.data === "object" && configMap.data !== null ? configMap.data : {};
  return parseResourcePolicy(Object.fromEntries(Object.entries(data).map(([field, text]) => [field, String(text)])));
}

function recorded<F extends "resourcePolicy" | "globalVolumePolicies">(
  field: F,
  key: ObjectKey | undefined,
  parsed: ParsedPolicy | undefined,
): { readonly [P in F]?: ManifestResourcePolicy } {
  if (key === undefined || parsed?.type !== "parsed") return {};
  return { [field]: { ...key, content: parsed.content } } as { [P in F]: ManifestResourcePolicy };
}

async function readServerVersion(kube: KubeClient, signal: AbortSignal): Promise<ServerVersion> {
  const version = await kube.getPath("/version", signal);
  const field = (name: string): string => String(at(version, name) ?? "");
  return { gitVersion: field("gitVersion"), major: field("major"), minor: field("minor") };
}
