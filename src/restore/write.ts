/** One object, from its plan to the cluster. Thin: what to do was decided in `plan.ts`; here it is done and recorded. */
import { isCoded } from "../errors.ts";
import type { RestoreSession } from "./session.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";
import { create } from "./write-create.ts";
import { label, patch } from "./write-patch.ts";
import { recordOf } from "./write-record.ts";
import { recreate, remove } from "./write-recreate.ts";
import { ATTEMPTS, done, failedBy, listed, nameOf, type Step, type Written } from "./write-step.ts";

/** Brings one object to what its plan says. Failures are recorded, not thrown; only a cancelled run throws. */
export async function writeItem(session: RestoreSession, item: PlannedItem): Promise<ObjectRecord> {
  let current = item;
  let ended: { readonly deletedUid?: string } = {};
  for (let attempt = 1; ; attempt++) {
    session.request.signal?.throwIfAborted();
    const step = await attemptOrFail(session, current);
    if (step.type === "done") return recordOf(item, current, { ...ended, ...step.written });
    if (step.deletedUid !== undefined) ended = { deletedUid: step.deletedUid };
    current = step.item;
    if (attempt >= ATTEMPTS) {
      const message = "something else keeps changing it: restore it again when that has stopped";
      return recordOf(item, current, { ...ended, outcome: "failed", reason: "Conflict", message, errors: [message] });
    }
  }
}

/** One object's trouble is a record; only an API server that is gone ends the run. */
async function attemptOrFail(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    return await attemptItem(session, item);
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeUnavailable")) throw error;
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
      return done(settled(session, item));
  }
}

/** What needs no write. An object that this run wrote before it was interrupted is told as what it was then. */
function settled(session: RestoreSession, { entry, resumedAs }: PlannedItem): Written {
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
      if (before === undefined) return { outcome: resumedAs ?? "unchanged", ...told };
      return { outcome: before.outcome, ...told, ...listed(before.warnings ?? [], before.errors ?? []), before };
    }
  }
}

function existsMessage(kind: string, name: string, message: string | undefined): string {
  return `could not restore, ${kind} "${name}" already exists. Warning: the in-cluster version is different than the backed-up version${message === undefined ? "" : ` (${message})`}`;
}
