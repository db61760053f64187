/** What the safety backup holds of an object that is about to be written. */
import { contentDigest } from "../api/digest.ts";
import { formatKey } from "../api/object.ts";
import type { RestoreSession } from "./session.ts";
import { touchedBy } from "./touched.ts";
import type { PlannedItem } from "./types.ts";

/** Holds an object back that changed after the safety backup copied it: an undo could not return it. */
export async function asCopied(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { replan } = item;
  if (replan === undefined) return await held(session, item);
  const again: typeof replan = async (live) => {
    const planned = await replan(live);
    return await asCopied(
      session,
      live === undefined ? planned : { ...planned, liveDigest: () => contentDigest(live) },
    );
  };
  return { ...(await held(session, item)), replan: again };
}

async function held(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { safety } = session.request;
  const touched = safety === undefined ? undefined : touchedBy(item);
  if (safety === undefined || touched === undefined || item.liveDigest === undefined) return item;
  const row = await safety.row(touched.resource, touched.key);
  if (row?.content === item.liveDigest()) return item;
  // The cluster fills a new namespace itself (kube-root-ca.crt, ServiceAccount default): an undo takes the namespace.
  if (row === undefined && isMadeHere(session, touched.key.namespace)) return item;
  const place = `${touched.resource} ${formatKey(touched.key)}`;
  const message =
    row === undefined
      ? `${place} appeared after the safety backup: run the plan again`
      : `${place} changed after the safety backup: run the plan again`;
  const { changes: _changes, ...entry } = item.entry;
  return { entry: { ...entry, action: "fail", reason: "ChangedSince", message }, gvr: item.gvr };
}

function isMadeHere(session: RestoreSession, namespace: string): boolean {
  const before = session.request.recorded?.("namespaces", { namespace: "", name: namespace });
  return session.facts.newNamespaces.has(namespace) || before?.outcome === "created";
}
