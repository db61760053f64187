/** What a create can't carry: the status, and the managed fields of server-side appliers. */
import { parseJson } from "../api/json.ts";
import { type KubeObject, keyOf } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import { creatorEntry } from "./creator.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";
import { placeOf } from "./write-step.ts";
import { type WrittenObject, writtenAnswer, writtenObject } from "./written-object.ts";

const ATTEMPTS = 5;

/**
 * Puts the archived status back, again where another writer was faster. A failure is a warning, as in Velero. Undefined
 * where none is to be put back; else the object as it was seen last.
 */
export async function restoreStatus(
  session: RestoreSession,
  item: PlannedItem,
  created: Uint8Array,
  warnings: string[],
): Promise<WrittenObject | undefined> {
  if (item.status === undefined) return undefined;
  const { kube } = session.deps;
  let object = parseJson(created) as KubeObject;
  for (let attempt = 1; ; attempt++) {
    try {
      const replaced = await kube.replace(
        item.gvr,
        { ...object, status: item.status },
        { subresource: "status", fieldManager: "holdfast", ...signalOf(session.request) },
      );
      return writtenObject(item.entry.resource, replaced);
    } catch (error) {
      session.request.signal?.throwIfAborted();
      const live =
        isCoded(error, "KubeConflict") && attempt < ATTEMPTS
          ? await kube.get(item.gvr, keyOf(object), session.request.signal)
          : undefined;
      if (live === undefined) {
        warnings.push(`its status could not be restored: ${messageOf(error)}`);
        return writtenObject(item.entry.resource, object);
      }
      object = live;
    }
  }
}

/**
 * Replaces the whole list of managed fields: the server added our own entry when it created the object. Undefined where
 * nothing was replaced.
 */
export async function restoreManagedFields(
  session: RestoreSession,
  item: PlannedItem,
  problems: { readonly warnings: string[]; readonly errors: string[] },
): Promise<WrittenObject | undefined> {
  if (item.managedFields === undefined) return undefined;
  const managedFields = [...item.managedFields, creatorEntry(session.request.run, item.entry.apiVersion)];
  try {
    const body = { metadata: { managedFields } };
    const answer = await session.deps.kube.patchBytes(
      item.gvr,
      placeOf(item),
      { type: "merge", body },
      { fieldManager: "holdfast", ...signalOf(session.request) },
    );
    return writtenAnswer(item, answer);
  } catch (error) {
    session.request.signal?.throwIfAborted();
    const text = `its managed fields could not be restored: ${messageOf(error)}`;
    (isCoded(error, "KubeNotFound") ? problems.warnings : problems.errors).push(text);
    return undefined;
  }
}
