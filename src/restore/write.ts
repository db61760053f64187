/** One object, from its plan to the cluster. Thin: what to do was decided in `plan.ts`; here it is done and recorded. */
import { isAway } from "./away.ts";
import { refusalOf } from "./refusal.ts";
import type { RestoreSession } from "./session.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";
import { create } from "./write-create.ts";
import { label, patch } from "./write-patch.ts";
import { recordOf } from "./write-record.ts";
import { recreate, remove } from "./write-recreate.ts";
import { ATTEMPTS, done, failedBy, listed, nameOf, read, type Step, type Written } from "./write-step.ts";
import { writtenObject } from "./written-object.ts";

/** How often the client may give a write up while other requests are answered: the first may be the end of an outage. */
const OUTAGES = 2;

/** Brings one object to what its plan says. Failures are recorded, not thrown; only a cancelled run throws. */
export async function writeItem(session: RestoreSession, item: PlannedItem): Promise<ObjectRecord> {
  let current = item;
  let ended: { readonly deletedUid?: string } = {};
  let outages = 0;
  for (let attempt = 1; ; attempt++) {
    session.request.signal?.throwIfAborted();
    const step = await attemptOrFail(session, current);
    if (step.type === "done") return recordOf(item, current, { ...ended, ...step.written });
    if (step.deletedUid !== undefined) ended = { deletedUid: step.deletedUid };
    current = step.item;
    if (step.outage !== undefined && ++outages >= OUTAGES) {
      const { reason, message } = refusalOf(step.outage);
      return recordOf(item, current, { ...ended, outcome: "failed", reason, message, errors: [message] });
    }
    if (attempt >= ATTEMPTS) {
      const message = "something else keeps changing it: restore it again when that has stopped";
      return recordOf(item, current, { ...ended, outcome: "failed", reason: "Conflict", message, errors: [message] });
    }
  }
}

/** One object's trouble is a record; only an API server that is gone ends the attempt. */
async function attemptOrFail(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    return await attemptItem(session, item);
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (await isAway(session, error)) throw error;
    return failedBy(error, `error restoring ${nameOf(item)}`);
  }
}

async function attemptItem(session: RestoreSession, item: PlannedItem): Promise<Step> {
  switch (item.entry.action) {
    case "create":
      return await create(session, item);
    case "patch":
      return await patch(session, item);
    case "labelsOnly":
      return await label(session, item);
    case "recreate":
      return await recreate(session, item);
    case "delete":
      return await remove(session, item);
    default:
      return done(await settled(session, item));
  }
}

/** What needs no write. An object that this run wrote before it was interrupted is told as what it was then. */
async function settled(session: RestoreSession, item: PlannedItem): Promise<Written> {
  const { entry, resumedAs } = item;
  const told = {
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    ...(entry.message === undefined ? {} : { message: entry.message }),
  };
  switch (entry.action) {
    case "fail":
      return {
        outcome: "failed",
        ...told,
        errors: [`${entry.kind} "${entry.name}": ${entry.message ?? "refused by the plan"}`],
      };
    case "skip": {
      const warns = entry.reason === "ExistsDifferent" || entry.reason === "Collision";
      return {
        outcome: "skipped",
        ...told,
        ...(warns ? { warnings: [existsMessage(entry.kind, entry.name, entry.message)] } : {}),
      };
    }
    default: {
      const before = session.request.recorded?.(entry.resource, entry);
      if (before !== undefined)
        return { outcome: before.outcome, ...told, ...listed(before.warnings ?? [], before.errors ?? []), before };
      if (resumedAs === undefined) return { outcome: "unchanged", ...told };
      // Its record went with the attempt that wrote it, and an undo needs one.
      const object = await read(session, item);
      return {
        outcome: resumedAs,
        ...told,
        ...(object === undefined ? {} : { object: writtenObject(entry.resource, object) }),
      };
    }
  }
}

function existsMessage(kind: string, name: string, message: string | undefined): string {
  return `could not restore, ${kind} "${name}" already exists. Warning: the in-cluster version is different than the backed-up version${message === undefined ? "" : ` (${message})`}`;
}
