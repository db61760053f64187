import type { KubeObject } from "../../src/api/object.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { TestCluster } from "../support/test-cluster.ts";

/** Longer than the API server's repair loop takes to come round: at the latest that frees the port of a deleted Service. */
const REPAIRED_MS = 240_000;

/**
 * Resolves when every node port of these archived Services is free, or a Service that is there holds it: a restore that
 * comes sooner is refused for a port that nobody has any more.
 */
export async function untilPortsAreFree(cluster: TestCluster, archived: Iterable<KubeObject>): Promise<void> {
  const held = new Set((await cluster.list("Service")).flatMap(portsOf));
  const wanted = [...archived].filter(({ kind }) => kind === "Service").flatMap(portsOf);
  for (const port of new Set(wanted.filter((each) => !held.has(each)))) {
    await waitUntil(async () => !(await isAllocated(cluster, port)), {
      what: `node port ${port} is free`,
      timeoutMs: REPAIRED_MS,
      intervalMs: 500,
    });
  }
}

/** Only the API server's allocator knows: it is asked by a dry run. */
async function isAllocated(cluster: TestCluster, nodePort: number): Promise<boolean> {
  const { text } = await cluster.request("POST", "/api/v1/namespaces/default/services?dryRun=All", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "port-probe" },
    spec: { type: "NodePort", ports: [{ port: 80, nodePort }] },
  });
  return text.includes("provided port is already allocated");
}

function portsOf({ spec }: KubeObject): number[] {
  const { healthCheckNodePort, ports = [] } = (spec ?? {}) as {
    healthCheckNodePort?: number;
    ports?: { nodePort?: number }[];
  };
  return [healthCheckNodePort, ...ports.map(({ nodePort }) => nodePort)].filter((port) => port !== undefined);
}
