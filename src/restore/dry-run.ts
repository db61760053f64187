/** Asks the API server to try a planned write and keep nothing: immutable fields and admission speak before the run. */
import { contentDigest } from "../api/digest.ts";
import type { KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { refusalOf } from "./refusal.ts";
import type { RestoreSession } from "./session.ts";
import { signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";
import { plannedPatch } from "./write-step.ts";

/** The item as the server will answer it: as planned, `unchanged` where the write would change nothing, or `fail`. */
export async function dryRunItem(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { action, reason } = item.entry;
  // What one object of this very restore will do to another can't be tried.
  if ((action !== "create" && action !== "patch") || reason === "Collision") return item;
  try {
    return action === "create" ? await tryCreate(session, item) : await tryPatch(session, item);
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeExists") || isCoded(error, "KubeConflict") || isCoded(error, "KubeUnavailable"))
      return item;
    const { reason, message } = refusalOf(error);
    return {
      ...item,
      entry: {
        ...item.entry,
        action: "fail",
        reason: reason === "Immutable" ? "Immutable" : "Refused",
        message: `the API server would refuse it: ${message}`,
      },
    };
  }
}

/** What depends on something that this very plan creates can't be tried. */
async function tryCreate(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { desired, entry } = item;
  const isNew = session.facts.newNamespaces.has(entry.namespace) || session.facts.comingResources.has(entry.resource);
  if (desired === undefined || isNew) return item;
  await session.deps.kube.create(item.gvr, desired, {
    dryRun: true,
    fieldManager: "holdfast",
    fieldValidation: "Ignore",
    ...signalOf(session.request),
  });
  return item;
}

async function tryPatch(session: RestoreSession, item: PlannedItem): Promise<PlannedItem> {
  const { kube } = session.deps;
  const key = { namespace: item.entry.namespace, name: item.entry.name };
  const answer = await kube.patch(item.gvr, key, plannedPatch(item), {
    dryRun: true,
    fieldManager: "holdfast",
    ...signalOf(session.request),
  });
  const live = await kube.get(item.gvr, key, session.request.signal);
  if (live === undefined || !sameContent(live, answer)) return item;
  const { changes: _changes, ...entry } = item.entry;
  return {
    ...item,
    entry: {
      ...entry,
      action: "labelsOnly",
      message: "the API server would keep its own values: nothing but the labels changes",
    },
  };
}

function sameContent(a: KubeObject, b: KubeObject): boolean {
  return contentDigest(a) === contentDigest(b);
}
