/** Target namespaces: made on first need, from the archived one where there is one, and never changed where they exist. */
import { parseJson } from "../api/json.ts";
import type { GroupVersionResource, KubeObject } from "../api/object.ts";
import { candidatesOf } from "./candidates.ts";
import { targetNamespaceOf } from "./options.ts";
import type { RestoreSession } from "./session.ts";
import { stripServerFields } from "./strip.ts";
import type { PlannedItem } from "./types.ts";

/** The endpoint of namespaces. */
export const NAMESPACES: GroupVersionResource = { group: "", version: "v1", resource: "namespaces" };

/** Every selected namespace of the archive. */
export async function* planNamespaces(session: RestoreSession): AsyncGenerator<PlannedItem> {
  for (const { row } of await candidatesOf(session, "namespaces")) {
    const item = await planNamespace(session, row.name);
    if (item !== undefined) yield item;
  }
}

/**
 * The creation of the namespace that objects of a source namespace need; undefined where it exists, or was planned
 * before, or the objects have none.
 */
export async function planNamespace(session: RestoreSession, source: string): Promise<PlannedItem | undefined> {
  if (source === "") return undefined;
  const target = targetNamespaceOf(session.options, source);
  if (session.facts.namespaces.has(target)) return undefined;
  session.facts.namespaces.add(target);
  const live = await session.deps.kube.get(NAMESPACES, { namespace: "", name: target }, session.request.signal);
  const terminating = live?.metadata.deletionTimestamp !== undefined;
  if (live !== undefined && !terminating) return undefined;
  session.facts.newNamespaces.add(target);
  const archivedAs = source === target ? {} : { archivedAs: source };
  const warnings = terminating ? { warnings: ["is being deleted: the restore waits until it is gone"] } : {};
  return {
    entry: {
      resource: "namespaces",
      apiVersion: "v1",
      kind: "Namespace",
      namespace: "",
      name: target,
      ...archivedAs,
      action: "create",
      ...warnings,
    },
    gvr: NAMESPACES,
    desired: await namespaceFor(session, source, target),
    barrier: true,
  };
}

async function namespaceFor(session: RestoreSession, source: string, target: string): Promise<KubeObject> {
  const { backup } = session.request;
  const row = await backup.row("namespaces", { namespace: "", name: source });
  if (row === undefined) return { apiVersion: "v1", kind: "Namespace", metadata: { name: target } };
  const { object } = stripServerFields(parseJson(await backup.read(row)) as KubeObject);
  const labels =
    object.metadata.labels === undefined
      ? {}
      : { labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": target } };
  return { ...object, metadata: { ...object.metadata, ...labels, name: target } };
}
