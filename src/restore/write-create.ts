/** Creating one object, and what follows a create. */
import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { restoreManagedFields, restoreStatus } from "./after-create.ts";
import { waitForEstablished } from "./crd.ts";
import { creatorOf } from "./creator.ts";
import { hasRestoreLabels } from "./labels.ts";
import { CRDS } from "./order.ts";
import type { RestoreSession } from "./session.ts";
import type { PlannedItem } from "./types.ts";
import {
  done,
  failed,
  failedBy,
  listed,
  nameOf,
  OUTAGE_PAUSE_MS,
  placeOf,
  type Step,
  type Written,
  writeOptions,
} from "./write-step.ts";
import { writtenAnswer } from "./written-object.ts";

/** POSTs the object; what stands there already is met by the policy for existing objects. */
export async function create(session: RestoreSession, item: PlannedItem): Promise<Step> {
  const { desired, managedFields } = item;
  if (desired === undefined) return failed("Internal", "the plan holds no object to create");
  const body =
    managedFields === undefined
      ? desired
      : { ...desired, metadata: { ...desired.metadata, managedFields: [...managedFields] } };
  try {
    const created = await session.deps.kube.createBytes(item.gvr, body, {
      ...writeOptions(session),
      fieldManager: creatorOf(session.request.run),
    });
    return done(await finishCreate(session, item, created));
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeExists") || isCoded(error, "KubeUnavailable") || mayBePortClash(item, error)) {
      const live = await session.deps.kube.getBytes(item.gvr, placeOf(item), session.request.signal);
      if (live !== undefined) return await meet(session, item, live, error);
      // Whether it was done was unknown, and now it is known that it was not.
      if (isCoded(error, "KubeUnavailable")) {
        await session.deps.clock.sleep(OUTAGE_PAUSE_MS, session.request.signal);
        return { type: "again", item, outage: error };
      }
    }
    return failedBy(error, `error restoring ${nameOf(item)}`);
  }
}

/** Something stands where we wanted to create: our own work of before, or somebody else's, which the policy is for. */
async function meet(session: RestoreSession, item: PlannedItem, bytes: Uint8Array, error: unknown): Promise<Step> {
  const live = parseJson(bytes) as KubeObject;
  if (hasRestoreLabels(live, session.rules.labels)) return done(await finishCreate(session, item, bytes));
  const next = await item.replan?.(live);
  if (next === undefined || next.entry.action === "create") return failedBy(error, `error restoring ${nameOf(item)}`);
  return { type: "again", item: next };
}

/** Velero takes a Service whose node port is taken for existing, where one of that name is there. */
function mayBePortClash(item: PlannedItem, error: unknown): boolean {
  return (
    item.entry.resource === "services" &&
    isCoded(error, "KubeRejected") &&
    /provided port is already allocated/.test(error.message)
  );
}

/** What follows a create: status, managed fields, and for a CRD the wait until it serves. Each may be done twice. */
async function finishCreate(session: RestoreSession, item: PlannedItem, created: Uint8Array): Promise<Written> {
  const warnings: string[] = [];
  const errors: string[] = [];
  const withStatus = await restoreStatus(session, item, created, warnings);
  const withManagers = await restoreManagedFields(session, item, { warnings, errors });
  if (item.entry.resource === CRDS) {
    const problem = await waitForEstablished(session, placeOf(item));
    if (problem !== undefined) errors.push(problem);
  }
  const outcome = item.entry.action === "recreate" ? "recreated" : "created";
  const object = withManagers ?? withStatus ?? writtenAnswer(item, created);
  return { outcome, object, ...listed(warnings, errors) };
}
