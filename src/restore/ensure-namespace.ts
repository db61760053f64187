/** Making a namespace, and waiting for the one that is still going. */
import type { ObjectKey } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { creatorOf } from "./creator.ts";
import { NAMESPACES } from "./namespaces.ts";
import { refusalOf } from "./refusal.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";

/** Creates the namespace, after a terminating one of that name has gone. A failure is remembered for its objects. */
export async function ensureNamespace(session: RestoreSession, item: PlannedItem): Promise<ObjectRecord> {
  const { resource, apiVersion, kind, namespace, name, archivedAs } = item.entry;
  const base = { resource, apiVersion, kind, namespace, name, ...(archivedAs === undefined ? {} : { archivedAs }) };
  const { clock, kube } = session.deps;
  const key: ObjectKey = { namespace: "", name };
  const deadline = clock.monotonic() + session.limits.terminatingTimeoutMs;
  for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      const created = await kube.create(
        NAMESPACES,
        item.desired ?? { apiVersion: "v1", kind: "Namespace", metadata: { name } },
        {
          fieldManager: creatorOf(session.request.run),
          ...signalOf(session.request),
        },
      );
      return {
        ...base,
        outcome: "created",
        ...(created.metadata.uid === undefined ? {} : { uid: created.metadata.uid }),
      };
    } catch (error) {
      session.request.signal?.throwIfAborted();
      if (!isCoded(error, "KubeExists") && !isCoded(error, "KubeConflict"))
        return lost(session, base, refusalOf(error));
    }
    const live = await kube.get(NAMESPACES, key, session.request.signal);
    if (live !== undefined && live.metadata.deletionTimestamp === undefined) return { ...base, outcome: "unchanged" };
    if (clock.monotonic() > deadline) {
      const waited = `timed out waiting for terminating namespace ${name} to disappear before restoring: remove what its finalizers wait for, and restore again`;
      return lost(session, base, { reason: "Terminating", message: waited });
    }
    await clock.sleep(pause, session.request.signal);
  }
}

function lost(
  session: RestoreSession,
  base: Omit<ObjectRecord, "outcome">,
  { reason, message }: { readonly reason: string; readonly message: string },
): ObjectRecord {
  session.facts.lostNamespaces.set(base.name, message);
  return { ...base, outcome: "failed", reason, message, errors: [message] };
}
