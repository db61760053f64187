/** What stands in the cluster that was not there before a scenario, as the recorded dumps have it. */
import { formatKey, groupResource, type KubeObject } from "../../src/api/object.ts";
import { isCoded } from "../../src/errors.ts";
import type { KubeClient, ServedResource } from "../../src/kube/client.ts";

/** One live object, whole, with its resource. */
export interface LiveObject {
  readonly resource: string;
  readonly served: ServedResource;
  readonly object: KubeObject;
}

const NOT_DUMPED = new Set([
  "events",
  "events.events.k8s.io",
  "nodes",
  "leases.coordination.k8s.io",
  "controllerrevisions.apps",
  "componentstatuses",
  "ipaddresses.networking.k8s.io",
  "servicecidrs.networking.k8s.io",
]);
const SYSTEM_NAMESPACES = new Set(["kube-system", "kube-public", "kube-node-lease", "default", "velero"]);

/** Every object, system namespaces left out; `resource namespace/name` → object. */
export async function dump(kube: KubeClient): Promise<Map<string, LiveObject>> {
  const { resources } = await kube.discovery({ refresh: true });
  const wanted = resources.filter(
    (served) =>
      served.preferred &&
      served.verbs.includes("list") &&
      served.verbs.includes("create") &&
      !NOT_DUMPED.has(groupResource(served)),
  );
  const lists = await Promise.all(wanted.map((served) => listOf(kube, served)));
  return new Map(lists.flat().map((live) => [keyOfLive(live), live]));
}

/** The key of a dumped object. */
export function keyOfLive({ resource, object }: LiveObject): string {
  return `${resource} ${formatKey({ namespace: object.metadata.namespace ?? "", name: object.metadata.name })}`;
}

async function listOf(kube: KubeClient, served: ServedResource): Promise<LiveObject[]> {
  const resource = groupResource(served);
  try {
    const objects = await kube.list(served);
    return objects.filter((object) => isDumped(resource, object)).map((object) => ({ resource, served, object }));
  } catch (error) {
    // A kind that goes while we list it, and an aggregated API without a backend.
    if (isCoded(error, "KubeNotFound") || isCoded(error, "KubeUnavailable")) return [];
    throw error;
  }
}

function isDumped(resource: string, { metadata }: KubeObject): boolean {
  if (SYSTEM_NAMESPACES.has(metadata.namespace ?? "")) return false;
  if (resource === "namespaces" && SYSTEM_NAMESPACES.has(metadata.name)) return false;
  if (resource === "configmaps" && metadata.name === "kube-root-ca.crt") return false;
  if (resource === "serviceaccounts" && metadata.name === "default") return false;
  return metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"] === undefined;
}
