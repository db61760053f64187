import { afterAll, beforeAll } from "vitest";
import { demandServer } from "./demand-server.ts";
import { type ClusterConnection, TestCluster } from "./test-cluster.ts";

/**
 * The cluster that all test files share; call it in a `describe` or at the top of a file. Use a namespace of your own
 * and unique names for cluster-scoped objects: other files run at the same time.
 */
export function useTestCluster(): TestCluster {
  let connection: ClusterConnection | undefined;
  const cluster = new TestCluster(() => {
    if (connection === undefined) throw new Error("the cluster is there in hooks and tests only");
    return connection;
  });
  beforeAll(async () => {
    connection = await demandServer("cluster");
  });
  afterAll(() => cluster.cleanUp());
  return cluster;
}
