/** Patching one object that exists, and Velero's second try where the patch is refused. */
import type { KubeObject } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import { guarded, guardedByPlaces, labelOperations } from "./changes.ts";
import { existingPolicyFor } from "./options.ts";
import { refusalOf } from "./refusal.ts";
import type { RestoreSession } from "./session.ts";
import type { PlannedItem } from "./types.ts";
import {
  ATTEMPTS,
  done,
  failed,
  failedBy,
  OUTAGE_PAUSE_MS,
  plannedPatch,
  read,
  type Step,
  sendPatch,
} from "./write-step.ts";
import { writtenObject } from "./written-object.ts";

const RACE_PAUSE_MS = 10;

/** Writes what differs. */
export async function patch(session: RestoreSession, item: PlannedItem): Promise<Step> {
  if (item.operations === undefined) return await overLive(session, item);
  try {
    const object = await sendPatch(session, item, plannedPatch(item));
    return done({ outcome: "patched", object });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isRace(error)) return await again(session, item, error);
    return await labelAfterRefusal(session, item, error);
  }
}

/** The patch of an object that an earlier one of this restore has written to the same place. */
async function overLive(session: RestoreSession, item: PlannedItem): Promise<Step> {
  const next = await item.replan?.(await read(session, item));
  return next === undefined ? failed("Internal", "the plan holds no patch") : { type: "again", item: next };
}

/** Puts the labels of the run on an object that is as it should be. */
export async function label(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    const object = await sendPatch(session, item, plannedPatch(item));
    return done({ outcome: "labelled", object });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isRace(error)) return await again(session, item, error);
    return failedBy(error);
  }
}

/** Plans the object anew after a race, or settles for the labels where there was none. */
export async function again(session: RestoreSession, item: PlannedItem, error: unknown): Promise<Step> {
  // The pause comes before the read: between read and write every millisecond is a chance for the other writer.
  await session.deps.clock.sleep(
    isCoded(error, "KubeUnavailable") ? OUTAGE_PAUSE_MS : RACE_PAUSE_MS,
    session.request.signal,
  );
  const live = await read(session, item);
  const next = await item.replan?.(live);
  // The server refused and the object stands as it was planned against: a race would have moved it.
  const unmoved = live?.metadata.resourceVersion === guardOf(item) && isCoded(error, "KubeConflict");
  if (next === undefined || unmoved) return await labelAfterRefusal(session, item, error);
  return { type: "again", item: live === undefined ? next : besideOthers(next, live) };
}

/** Lost once, it is no longer held up by whoever goes on writing. An undo is: it wants the object untouched. */
function besideOthers(item: PlannedItem, live: KubeObject): PlannedItem {
  const [guard, ...operations] = item.operations ?? [];
  if (guard?.op !== "test" || operations.length === 0 || item.exact === true) return item;
  return { ...item, operations: guardedByPlaces(live, operations) };
}

/** Velero's second try: the object keeps its contents and gets the labels, so that the run can be told from it. */
async function labelAfterRefusal(session: RestoreSession, item: PlannedItem, refusal: unknown): Promise<Step> {
  const { reason, message } = refusalOf(refusal);
  const refused = { outcome: "failed" as const, reason, message, warnings: [message] };
  if (item.exact === true) return failed(reason, message);
  const merges = item.entry.resource === "serviceaccounts";
  if (merges && existingPolicyFor(session.options, item.entry.resource) !== "update") return done(refused);
  for (let attempt = 1; ; attempt++) {
    try {
      const live = await read(session, item);
      if (live === undefined) return done(refused);
      const operations = labelOperations(live, session.rules.labels);
      if (operations.length === 0) return done({ ...refused, object: writtenObject(item.entry.resource, live) });
      const object = await sendPatch(session, item, { type: "json", operations: guarded(live, operations) });
      return done({ ...refused, object });
    } catch (error) {
      session.request.signal?.throwIfAborted();
      if (isCoded(error, "KubeConflict") && attempt < ATTEMPTS) continue;
      return done({ ...refused, errors: [messageOf(error)] });
    }
  }
}

/** What was planned against is no longer there as it was, or it is unknown whether the write was done: read again. */
function isRace(error: unknown): boolean {
  return isCoded(error, "KubeConflict") || isCoded(error, "KubeNotFound") || isCoded(error, "KubeUnavailable");
}

function guardOf(item: PlannedItem): unknown {
  const [test] = item.operations ?? [];
  return test?.op === "test" && test.path === "/metadata/resourceVersion" ? test.value : undefined;
}
