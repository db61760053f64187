/** Ending one object: to create it anew, or for good. */
import { isCoded } from "../errors.ts";
import type { DeleteOptions } from "../kube/client.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";
import { create } from "./write-create.ts";
import { again } from "./write-patch.ts";
import { done, failed, failedBy, nameOf, placeOf, read, type Step } from "./write-step.ts";

/**
 * Deletes and creates. From the moment a deletion is sent the record says so, whatever comes next: the safety copy may
 * be all that is left of the object.
 */
export async function recreate(session: RestoreSession, item: PlannedItem): Promise<Step> {
  const { liveUid = "" } = item.entry;
  try {
    await session.deps.kube.delete(item.gvr, placeOf(item), deleteOptions(session, item));
  } catch (error) {
    if (isCoded(error, "KubeConflict")) return await recreateAgain(session, item, error);
    const step = failedBy(error, `cannot delete ${nameOf(item)} to recreate it`);
    const isUnknown = isCoded(error, "KubeUnavailable") || session.request.signal?.aborted === true;
    return isUnknown ? afterDeletion(step, liveUid) : step;
  }
  try {
    const problem = await waitUntilGone(session, item);
    const step = problem === undefined ? await create(session, item) : failed("Terminating", problem);
    return afterDeletion(step, liveUid);
  } catch (error) {
    return afterDeletion(failedBy(error, `${nameOf(item)} was deleted and not created again`), liveUid);
  }
}

/** Deletes one object: the undo of its creation. */
export async function remove(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    await session.deps.kube.delete(item.gvr, placeOf(item), deleteOptions(session, item));
    return done({ outcome: "deleted", deletedUid: item.entry.liveUid ?? "" });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeConflict")) return await again(session, item, error);
    return failedBy(error, `cannot delete ${nameOf(item)}`);
  }
}

/** It moved since it was planned. Content that the safety backup does not hold is not deleted. */
async function recreateAgain(session: RestoreSession, item: PlannedItem, error: unknown): Promise<Step> {
  session.request.signal?.throwIfAborted();
  const step = await again(session, item, error);
  if (step.type === "done" || session.request.safety === undefined) return step;
  const { action, liveContent } = step.item.entry;
  if (action !== "recreate" || liveContent === item.entry.liveContent) return step;
  return failed("ChangedSince", "it changed after the safety backup: run the plan again");
}

function afterDeletion(step: Step, deletedUid: string): Step {
  return step.type === "again" ? { ...step, deletedUid } : done({ deletedUid, ...step.written });
}

/** Only the very object that was planned against, and only as it was then. */
function deleteOptions(session: RestoreSession, { entry, liveVersion }: PlannedItem): DeleteOptions {
  const { liveUid } = entry;
  return {
    ...(liveUid === undefined || liveUid === "" ? {} : { uid: liveUid }),
    ...(liveVersion === undefined ? {} : { resourceVersion: liveVersion }),
    propagationPolicy: "Background",
    ...signalOf(session.request),
  };
}

async function waitUntilGone(session: RestoreSession, item: PlannedItem): Promise<string | undefined> {
  const { clock } = session.deps;
  const deadline = clock.monotonic() + session.limits.terminatingTimeoutMs;
  for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
    const live = await read(session, item);
    if (live === undefined || live.metadata.uid !== item.entry.liveUid) return undefined;
    if (clock.monotonic() > deadline)
      return `${nameOf(item)} was deleted and does not go: look at its finalizers ${JSON.stringify(live.metadata.finalizers ?? [])}`;
    await clock.sleep(pause, session.request.signal);
  }
}
