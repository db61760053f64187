import { eventsSince } from "../support/history.ts";
import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";

/** One state of an object, as the API server's own history tells it. */
export interface PastState {
  readonly version: number;
  readonly object: KubeObject;
}

/** Every state that objects of one collection had since a version, oldest first; `template` as for `eventsSince`. */
export async function statesSince(
  cluster: TestCluster,
  path: string,
  how: { readonly version: string; readonly template: object },
): Promise<PastState[]> {
  const events = await eventsSince(cluster, path, how);
  return events.map(({ object }) => ({ version: Number(object.metadata.resourceVersion), object }));
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
