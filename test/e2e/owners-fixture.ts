import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";

/** One state of an object, as the API server's own history tells it. */
export interface PastState {
  readonly version: number;
  readonly object: KubeObject;
}

/** Every state that objects of one collection had since a version, oldest first: nothing a client says is believed. */
export async function statesSince(cluster: TestCluster, path: string, version: string): Promise<PastState[]> {
  const { text } = await cluster.request("GET", `${path}?watch=1&timeoutSeconds=1&resourceVersion=${version}`);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { object: KubeObject }).object)
    .map((object) => ({ version: Number(object.metadata.resourceVersion), object }));
}

/** The version at which a history begins. */
export async function versionOf(cluster: TestCluster, path: string): Promise<string> {
  const { text } = await cluster.request("GET", `${path}?limit=1`);
  return (JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

/** The conditions that a status holds, by type. */
export function conditionsOf({
  status,
}: KubeObject): Record<string, { status: string; reason: string; message: string }> {
  const { conditions = [] } = (status ?? {}) as {
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
  return Object.fromEntries(conditions.map((condition) => [condition.type, condition]));
}
