import { createInterface } from "node:readline";
import { openApi } from "../../tools/testbed/control-plane/api-call.ts";
import type { KubeObject } from "./kube-object.ts";
import { type TestCluster, uniqueName } from "./test-cluster.ts";

/** What the API server did to one object, and the state it had then. */
export interface PastEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

const MARK = "end-of-history";

/** The version at which a history begins. */
export async function versionOf(cluster: TestCluster, path: string): Promise<string> {
  const { text } = await cluster.request("GET", `${path}?limit=1`);
  return (JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

/**
 * Every event of one collection since a version, oldest first, as the API server's own history tells it: nothing a
 * client says is believed. A watch never says that this was all, so an object that is made last, like `template`, ends
 * it; a time would cut short what a slow server tells.
 */
export async function eventsSince(
  cluster: TestCluster,
  path: string,
  { version, template }: { readonly version: string; readonly template: object },
): Promise<PastEvent[]> {
  const { metadata, ...rest } = template as KubeObject;
  const mark = await cluster.create({ ...rest, metadata: { ...metadata, name: uniqueName(MARK) } });
  const events: PastEvent[] = [];
  for await (const event of watch(cluster, `${path}?watch=1&resourceVersion=${version}`)) {
    if (event.object.metadata.uid === mark.metadata.uid) break;
    if (!event.object.metadata.name.startsWith(MARK)) events.push(event);
  }
  await cluster.delete(mark.kind, mark.metadata.namespace, mark.metadata.name);
  return events;
}

async function* watch(cluster: TestCluster, path: string): AsyncGenerator<PastEvent> {
  const answer = await openApi(cluster.connection, "GET", path);
  answer.on("error", () => undefined); // it is cut off below
  try {
    for await (const line of createInterface({ input: answer })) {
      const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
      if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") throw new Error(line);
      yield { type, object };
    }
  } finally {
    answer.destroy();
  }
  throw new Error(`the watch of ${path} ended before its mark`);
}
