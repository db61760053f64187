/** One object, from its plan to the cluster. Thin: what to do was decided in `plan.ts`; here it is done and recorded. */
import { type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import type { DeleteOptions } from "../kube/client.ts";
import { restoreManagedFields, restoreStatus } from "./after-create.ts";
import { guarded, labelOperations } from "./changes.ts";
import { waitForEstablished } from "./crd.ts";
import { hasRestoreLabels } from "./labels.ts";
import { existingPolicyFor } from "./options.ts";
import type { RestoreSession } from "./session.ts";
import { signalOf } from "./session.ts";
import { settledContent } from "./settled-content.ts";
import type { ObjectOutcome, ObjectRecord, PlannedItem } from "./types.ts";

/** How often an object that keeps changing under our hands is read and planned again. */
const ATTEMPTS = 20;
const RACE_PAUSE_MS = 10;
const OUTAGE_PAUSE_MS = 500;

/** What a write came to, before it is a record. */
interface Written {
  readonly outcome: ObjectOutcome;
  readonly object?: KubeObject;
  readonly reason?: string;
  readonly message?: string;
  readonly warnings?: readonly string[];
  readonly errors?: readonly string[];
  /** A deletion was sent, and may have been done. */
  readonly deletedUid?: string;
  /** What an earlier attempt recorded of it: an undo is guarded by that. */
  readonly before?: ObjectRecord;
}

/** What to do next with an item: it is done, or it must be planned anew against what stands there. */
type Step =
  | { readonly type: "done"; readonly written: Written }
  | { readonly type: "again"; readonly item: PlannedItem; readonly deletedUid?: string };

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
    return failed(reasonOf(error), `error restoring ${nameOf(item)}: ${messageOf(error)}`);
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
      return { outcome: "failed", ...told, errors: [entry.message ?? "refused by the plan"] };
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

async function create(session: RestoreSession, item: PlannedItem): Promise<Step> {
  const { desired, managedFields } = item;
  if (desired === undefined) return failed("Internal", "the plan holds no object to create");
  const body =
    managedFields === undefined
      ? desired
      : { ...desired, metadata: { ...desired.metadata, managedFields: [...managedFields] } };
  try {
    const created = await session.deps.kube.create(item.gvr, body, writeOptions(session));
    return done(await finishCreate(session, item, created));
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeExists") || isCoded(error, "KubeUnavailable") || mayBePortClash(item, error)) {
      const live = await read(session, item);
      if (live !== undefined) return await meet(session, item, live, error);
      // Whether it was done was unknown, and now it is known that it was not.
      if (isCoded(error, "KubeUnavailable")) {
        await session.deps.clock.sleep(OUTAGE_PAUSE_MS, session.request.signal);
        return { type: "again", item };
      }
    }
    return failed(reasonOf(error), `error restoring ${nameOf(item)}: ${messageOf(error)}`);
  }
}

/** Something stands where we wanted to create: our own work of before, or somebody else's, which the policy is for. */
async function meet(session: RestoreSession, item: PlannedItem, live: KubeObject, error: unknown): Promise<Step> {
  if (hasRestoreLabels(live, session.rules.labels)) return done(await finishCreate(session, item, live));
  const next = item.replan?.(live);
  if (next === undefined || next.entry.action === "create")
    return failed(reasonOf(error), `error restoring ${nameOf(item)}: ${messageOf(error)}`);
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
async function finishCreate(session: RestoreSession, item: PlannedItem, created: KubeObject): Promise<Written> {
  const warnings: string[] = [];
  const errors: string[] = [];
  let object = await restoreStatus(session, item, created, warnings);
  object = await restoreManagedFields(session, item, object, { warnings, errors });
  if (item.entry.resource === "customresourcedefinitions.apiextensions.k8s.io") {
    const problem = await waitForEstablished(session, keyOf(object));
    if (problem !== undefined) errors.push(problem);
  }
  const outcome = item.entry.action === "recreate" ? "recreated" : "created";
  return { outcome, object, ...listed(warnings, errors) };
}

async function sendPatch(
  session: RestoreSession,
  item: PlannedItem,
  operations: readonly unknown[],
): Promise<KubeObject> {
  return await session.deps.kube.patch(item.gvr, placeOf(item), { type: "json", operations }, writeOptions(session));
}

async function patch(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    const object = await sendPatch(session, item, item.operations ?? []);
    return done({ outcome: "patched", object });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isRace(error)) return await again(session, item, error);
    return await labelAfterRefusal(session, item, messageOf(error));
  }
}

/** Velero's second try: the object keeps its contents and gets the labels, so that the run can be told from it. */
async function labelAfterRefusal(session: RestoreSession, item: PlannedItem, refusal: string): Promise<Step> {
  const refused = { outcome: "failed" as const, reason: "Refused", message: refusal, warnings: [refusal] };
  if (item.exact === true) return failed("Refused", refusal);
  const merges = item.entry.resource === "serviceaccounts";
  if (merges && existingPolicyFor(session.options, item.entry.resource) !== "update") return done(refused);
  for (let attempt = 1; ; attempt++) {
    try {
      const live = await read(session, item);
      if (live === undefined) return done(refused);
      const operations = labelOperations(live, session.rules.labels);
      if (operations.length === 0) return done({ ...refused, object: live });
      const object = await sendPatch(session, item, guarded(live, operations));
      return done({ ...refused, object });
    } catch (error) {
      session.request.signal?.throwIfAborted();
      if (isCoded(error, "KubeConflict") && attempt < ATTEMPTS) continue;
      return done({ ...refused, errors: [messageOf(error)] });
    }
  }
}

async function label(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    const object = await sendPatch(session, item, item.operations ?? []);
    return done({ outcome: "labelled", object });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isRace(error)) return await again(session, item, error);
    return failed(reasonOf(error), messageOf(error));
  }
}

/**
 * Deletes and creates. From the moment a deletion is sent the record says so, whatever comes next: the safety copy may
 * be all that is left of the object.
 */
async function recreate(session: RestoreSession, item: PlannedItem): Promise<Step> {
  const { liveUid = "" } = item.entry;
  try {
    await session.deps.kube.delete(item.gvr, placeOf(item), deleteOptions(session, item));
  } catch (error) {
    if (isCoded(error, "KubeConflict")) return await recreateAgain(session, item, error);
    const step = failed(reasonOf(error), `cannot delete ${nameOf(item)} to recreate it: ${messageOf(error)}`);
    const isUnknown = isCoded(error, "KubeUnavailable") || session.request.signal?.aborted === true;
    return isUnknown ? afterDeletion(step, liveUid) : step;
  }
  try {
    const problem = await waitUntilGone(session, item);
    const step = problem === undefined ? await create(session, item) : failed("Terminating", problem);
    return afterDeletion(step, liveUid);
  } catch (error) {
    const message = `${nameOf(item)} was deleted and not created again: ${messageOf(error)}`;
    return afterDeletion(failed(reasonOf(error), message), liveUid);
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

async function remove(session: RestoreSession, item: PlannedItem): Promise<Step> {
  try {
    await session.deps.kube.delete(item.gvr, placeOf(item), deleteOptions(session, item));
    return done({ outcome: "deleted" });
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (isCoded(error, "KubeConflict")) return await again(session, item, error);
    return failed(reasonOf(error), `cannot delete ${nameOf(item)}: ${messageOf(error)}`);
  }
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

/** What was planned against is no longer there as it was, or it is unknown whether the write was done: read again. */
function isRace(error: unknown): boolean {
  return isCoded(error, "KubeConflict") || isCoded(error, "KubeNotFound") || isCoded(error, "KubeUnavailable");
}

async function again(session: RestoreSession, item: PlannedItem, error: unknown): Promise<Step> {
  // The pause comes before the read: between read and write every millisecond is a chance for the other writer.
  await session.deps.clock.sleep(
    isCoded(error, "KubeUnavailable") ? OUTAGE_PAUSE_MS : RACE_PAUSE_MS,
    session.request.signal,
  );
  const live = await read(session, item);
  const next = item.replan?.(live);
  // The server refused and the object stands as it was planned against: a race would have moved it.
  const unmoved = live?.metadata.resourceVersion === guardOf(item) && isCoded(error, "KubeConflict");
  if (next === undefined || unmoved) return await labelAfterRefusal(session, item, messageOf(error));
  return { type: "again", item: next };
}

function guardOf(item: PlannedItem): unknown {
  const [test] = item.operations ?? [];
  return test?.op === "test" ? test.value : undefined;
}

async function read(session: RestoreSession, item: PlannedItem): Promise<KubeObject | undefined> {
  return await session.deps.kube.get(item.gvr, placeOf(item), session.request.signal);
}

function writeOptions(session: RestoreSession): {
  fieldManager: string;
  fieldValidation: "Ignore";
  signal?: AbortSignal;
} {
  return { fieldManager: "holdfast", fieldValidation: "Ignore", ...signalOf(session.request) };
}

function placeOf(item: PlannedItem): ObjectKey {
  return { namespace: item.entry.namespace, name: item.entry.name };
}

/** `resource/namespace/name`, as Velero's results name an item. */
export function nameOf(item: PlannedItem): string {
  const { resource, namespace, name } = item.entry;
  return namespace === "" ? `${resource}/${name}` : `${resource}/${namespace}/${name}`;
}

function done(written: Written): Step {
  return { type: "done", written };
}

function failed(reason: string, message: string): Step {
  return done({ outcome: "failed", reason, message, errors: [message] });
}

function reasonOf(error: unknown): string {
  if (isCoded(error, "KubeUnavailable")) return "Unavailable";
  if (isCoded(error, "KubeNotFound")) return "NotFound";
  return "Refused";
}

function recordOf(planned: PlannedItem, executed: PlannedItem, written: Written): ObjectRecord {
  const { resource, apiVersion, kind, namespace, name, archivedAs } = planned.entry;
  const { object } = written;
  const missing = (executed.missing ?? planned.missing ?? []).map(({ message }) => message);
  const warnings = [...(written.warnings ?? []), ...missing];
  const errors = [...(planned.errors ?? []), ...(written.errors ?? [])];
  return {
    resource,
    apiVersion,
    kind,
    namespace,
    name,
    ...(archivedAs === undefined ? {} : { archivedAs }),
    outcome: written.deletedUid !== undefined && written.outcome === "created" ? "recreated" : written.outcome,
    ...(written.reason === undefined ? {} : { reason: written.reason }),
    ...(written.message === undefined ? {} : { message: written.message }),
    ...listed(warnings, errors),
    ...(written.before === undefined ? {} : undoGuards(written.before)),
    ...(object === undefined ? {} : writtenObject(resource, object)),
    ...(written.deletedUid === undefined ? {} : { deletedUid: written.deletedUid }),
  };
}

function undoGuards({ uid, resourceVersion, content, deletedUid }: ObjectRecord): Partial<ObjectRecord> {
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(content === undefined ? {} : { content }),
    ...(deletedUid === undefined ? {} : { deletedUid }),
  };
}

/** Records go to Git, and whoever reads a digest there can try passwords against it. */
function isGuessable(resource: string, { type }: KubeObject): boolean {
  return resource === "secrets" && type !== "kubernetes.io/service-account-token";
}

function writtenObject(
  resource: string,
  object: KubeObject,
): Pick<ObjectRecord, "uid" | "resourceVersion" | "content"> {
  const { uid, resourceVersion } = object.metadata;
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(isGuessable(resource, object) ? {} : { content: settledContent(resource, object) }),
  };
}

function listed(
  warnings: readonly string[],
  errors: readonly string[],
): { warnings?: readonly string[]; errors?: readonly string[] } {
  return { ...(warnings.length === 0 ? {} : { warnings }), ...(errors.length === 0 ? {} : { errors }) };
}
