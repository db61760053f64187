/** What a create can't carry: the status, and the managed fields of server-side appliers. */
import type { KubeObject } from "../api/object.ts";
import { keyOf } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";

const ATTEMPTS = 5;

/** Puts the archived status back, again where another writer was faster. A failure is a warning, as in Velero. */
export async function restoreStatus(
  session: RestoreSession,
  item: PlannedItem,
  created: KubeObject,
  warnings: string[],
): Promise<KubeObject> {
  if (item.status === undefined) return created;
  const { kube } = session.deps;
  let object = created;
  for (let attempt = 1; ; attempt++) {
    try {
      return await kube.replace(
        item.gvr,
        { ...object, status: item.status },
        { subresource: "status", fieldManager: "holdfast", ...signalOf(session.request) },
      );
    } catch (error) {
      session.request.signal?.throwIfAborted();
      const live =
        isCoded(error, "KubeConflict") && attempt < ATTEMPTS
          ? await kube.get(item.gvr, keyOf(object), session.request.signal)
          : undefined;
      if (live === undefined) {
        warnings.push(`its status could not be restored: ${messageOf(error)}`);
        return object;
      }
      object = live;
    }
  }
}

/** Replaces the whole list of managed fields: the server added our own entry when it created the object. */
export async function restoreManagedFields(
  session: RestoreSession,
  item: PlannedItem,
  created: KubeObject,
  problems: { readonly warnings: string[]; readonly errors: string[] },
): Promise<KubeObject> {
  if (item.managedFields === undefined) return created;
  try {
    const body = { metadata: { managedFields: item.managedFields } };
    return await session.deps.kube.patch(
      item.gvr,
      keyOf(created),
      { type: "merge", body },
      { fieldManager: "holdfast", ...signalOf(session.request) },
    );
  } catch (error) {
    session.request.signal?.throwIfAborted();
    const text = `its managed fields could not be restored: ${messageOf(error)}`;
    (isCoded(error, "KubeNotFound") ? problems.warnings : problems.errors).push(text);
    return created;
  }
}
