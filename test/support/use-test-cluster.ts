import { afterAll, beforeAll } from "vitest";
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "../../tools/testbed/control-plane/control-plane.ts";
import { type Nodes, startNodes } from "../../tools/testbed/nodes/nodes.ts";
import { demandServer } from "./demand-server.ts";
import { describeCluster } from "./describe-cluster.ts";
import { type ClusterConnection, TestCluster } from "./test-cluster.ts";

export interface SharedClusterOptions {
  /** Adds a simulated node: pods are scheduled and run, and `exec` runs commands on this machine. */
  readonly nodes?: boolean;
}

/**
 * The cluster that all test files share; call it in a `describe` or at the top of a file. Use a namespace of your own
 * and unique names for cluster-scoped objects: other files run at the same time.
 */
export function useTestCluster(options: SharedClusterOptions = {}): TestCluster {
  const late = lateCluster();
  beforeAll(async () => {
    late.connection = await demandServer(options.nodes === true ? "nodes" : "cluster");
  });
  afterAll(() => late.cluster.cleanUp());
  return late.cluster;
}

export interface PrivateClusterOptions extends ControlPlaneOptions {
  readonly nodes?: boolean;
}

/** A cluster that no other test sees, with the means to break it. */
export interface PrivateCluster extends TestCluster {
  /** The servers behind it: kill, restart, pids, logs. */
  readonly controlPlane: ControlPlane;
}

/**
 * A cluster of this test file's own, for tests that need all of it, other flags, or its death. It costs three seconds
 * and half a gigabyte, so prefer the shared one.
 */
export function usePrivateCluster(options: PrivateClusterOptions = {}): PrivateCluster {
  const late = lateCluster();
  let controlPlane: ControlPlane | undefined;
  let nodes: Nodes | undefined;
  beforeAll(async () => {
    controlPlane = await startControlPlane(options);
    if (options.nodes === true) nodes = await startNodes(controlPlane);
    late.connection = await describeCluster(controlPlane);
  });
  afterAll(async () => {
    await nodes?.stop();
    await controlPlane?.stop();
  });
  return Object.defineProperty(late.cluster, "controlPlane", {
    get: () => {
      if (controlPlane === undefined) throw new Error("the cluster is there in hooks and tests only");
      return controlPlane;
    },
  }) as PrivateCluster;
}

function lateCluster(): { cluster: TestCluster; connection: ClusterConnection | undefined } {
  const late: { cluster: TestCluster; connection: ClusterConnection | undefined } = {
    connection: undefined,
    cluster: new TestCluster(() => {
      if (late.connection === undefined) throw new Error("the cluster is there in hooks and tests only");
      return late.connection;
    }),
  };
  return late;
}
