/** Simulated nodes for a control plane: pods are scheduled, run and complete, and `exec` reaches a real process. */
import { callApiOk } from "../control-plane/api-call.ts";
import type { ControlPlane } from "../control-plane/control-plane.ts";
import { waitUntil } from "../process/wait-until.ts";
import { startKwok } from "./kwok.ts";
import { startScheduler } from "./scheduler.ts";

/** The node that pods are bound to. */
export const FIRST_NODE = "n1";

/** Running nodes. Stop them before their control plane. */
export interface Nodes {
  /** The pid of the simulator. */
  readonly pid: number;
  /** Adds a node and waits until it is Ready. Pods get there only by their own `nodeName`. */
  addNode(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the simulator and the stand-in scheduler, and adds node `n1`. */
export async function startNodes(controlPlane: ControlPlane): Promise<Nodes> {
  const kwok = await startKwok(controlPlane);
  const scheduler = startScheduler(controlPlane, FIRST_NODE);
  const nodes: Nodes = {
    pid: kwok.pid,
    addNode: (name) => addNode(controlPlane, name),
    stop: async () => {
      await scheduler.stop();
      await kwok.stop();
    },
  };
  try {
    await nodes.addNode(FIRST_NODE);
    return nodes;
  } catch (error) {
    await nodes.stop();
    throw error;
  }
}

interface NodeStatus {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function addNode(controlPlane: ControlPlane, name: string): Promise<void> {
  await callApiOk(controlPlane, "POST", "/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
  });
  const isReady = async () => {
    const node = (await callApiOk(controlPlane, "GET", `/api/v1/nodes/${name}`)) as NodeStatus;
    return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  };
  await waitUntil(isReady, { what: `node ${name} is Ready` });
}
