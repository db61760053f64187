import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiConnection, callApi, openApi } from "../control-plane/api-call.ts";

/** The part of a pod that decides whether it is bound. */
export interface PendingPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly schedulerName?: string;
    readonly schedulingGates?: readonly unknown[];
  };
}

/** A running scheduler; `stop` ends its watch. */
export interface Scheduler {
  stop(): Promise<void>;
}

// As the recorded runs of Velero had it: tests keep a pod pending by this label or by a scheduler that nobody runs.
const UNSCHEDULED_LABEL = "conf/unscheduled";
const SCHEDULER_NAME = "default-scheduler";
const RECONNECT_MS = 200;

/** Whether the stand-in binds a pod. Pure. */
export function isSchedulable({ metadata, spec }: PendingPod): boolean {
  return (
    spec.nodeName === undefined &&
    spec.schedulerName === SCHEDULER_NAME &&
    metadata.deletionTimestamp === undefined &&
    (spec.schedulingGates ?? []).length === 0 &&
    metadata.labels?.[UNSCHEDULED_LABEL] === undefined
  );
}

/** Binds every schedulable pod to one node, as a stand-in for a scheduler: it runs in this process and weighs nothing. */
export function startScheduler(connection: ApiConnection, node: string): Scheduler {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await bindFromWatch(connection, node, stopping.signal).catch(() => undefined);
      await sleep(RECONNECT_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** A watch without a resourceVersion opens with what exists, so a broken one is simply begun anew. */
async function bindFromWatch(connection: ApiConnection, node: string, signal: AbortSignal): Promise<void> {
  const path = "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D";
  const response = await openApi(connection, "GET", path, undefined, { signal });
  for await (const line of createInterface({ input: response })) {
    const event = JSON.parse(line) as { type: string; object: PendingPod };
    if (event.type !== "ADDED" && event.type !== "MODIFIED") continue;
    if (isSchedulable(event.object)) void bind(connection, event.object, node).catch(() => undefined);
  }
}

/** Answered 404 or 409 where the pod is gone or bound already: both are fine. */
async function bind(connection: ApiConnection, { metadata }: PendingPod, node: string): Promise<void> {
  await callApi(connection, "POST", `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/binding`, {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: metadata.name, namespace: metadata.namespace },
    target: { apiVersion: "v1", kind: "Node", name: node },
  });
}
