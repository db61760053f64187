/** Runs a restore: plans one resource, writes it side by side, waits, and goes on to the next. */
import { isCoded, messageOf } from "../errors.ts";
import { ahead } from "./ahead.ts";
import { isOfOneResource } from "./away.ts";
import { loadResource } from "./batches.ts";
import { ensureNamespace } from "./ensure-namespace.ts";
import { createHookRunner, type HookRunner, type HookTally } from "./hook-run.ts";
import { leftOutNotes } from "./left-out.ts";
import { AHEAD, createLookAhead, type Taken } from "./look-ahead.ts";
import { unmatchedNotes } from "./modifiers.ts";
import { CRDS } from "./order.ts";
import { type Ended, failureReasonOf, outcomeOf } from "./outcome.ts";
import { createOwnerLinks, type OwnerLinks } from "./owners.ts";
import { planResource, resourcesInOrder } from "./planner.ts";
import { createWorkPool, type WorkPool } from "./pool.ts";
import { createQuotaLanes, type QuotaLanes } from "./quota-lanes.ts";
import { logLine, noteRecord, uploadRecords } from "./records.ts";
import { createTally, type RunTally } from "./results.ts";
import { openSession, type RestoreSession, signalOf } from "./session.ts";
import type { ObjectRecord, PlannedItem, RestoreDeps, RestoreOutcome, RestoreRequest } from "./types.ts";
import { restoreSpecProblems } from "./validate-spec.ts";
import { createVolumeSettler, type VolumeSettler } from "./volume-settings.ts";
import { writeItem } from "./write.ts";

/** Resources that change what the next ones find in the cluster: those are not looked at before these are written. */
const CHANGE_THE_REST: ReadonlySet<string> = new Set(["namespaces", CRDS]);
/** Actions that write nothing. */
const QUIET: ReadonlySet<string> = new Set(["unchanged", "skip", "fail"]);

/**
 * Restores, and never stops for one object: what went wrong is in the outcome. Doing it again under the same run name
 * finishes what was interrupted.
 * @throws {KubeUnavailable, StoreUnreachable} when the API server or the store goes away: the next attempt goes on
 */
export async function runRestore(deps: RestoreDeps, request: RestoreRequest): Promise<RestoreOutcome> {
  const started = deps.clock.now();
  const tally = createTally();
  const validationErrors = restoreSpecProblems(request.spec, request);
  if (validationErrors.length > 0)
    return outcomeOf(deps.clock, started, tally, { phase: "FailedValidation", validationErrors });
  const log: string[] = [];
  let ended: Ended = {};
  try {
    const session = await openSession(deps, request);
    await verifyBeforeWriting(session);
    const { attempted, failed } = await runSteps(session, { tally, log });
    ended = attempted === 0 ? {} : { hookStatus: { hooksAttempted: attempted, hooksFailed: failed } };
    for (const note of [...session.facts.notes, ...unmatchedNotes(session.modifiers)])
      tally.addWarning(undefined, note);
    // As asked for: no warning.
    for (const note of leftOutNotes(session.facts.leftOut)) log.push(logLine(deps.clock.now(), "info", note));
  } catch (error) {
    const isOutage = isCoded(error, "KubeUnavailable") || isCoded(error, "StoreUnreachable");
    if (isOutage && request.signal?.aborted !== true) throw error;
    if (request.signal?.aborted === true) ended = { cancelled: true };
    else ended = { failureReason: failureReasonOf(error) };
    if (isCoded(error, "Cancelled")) ended = { cancelled: true };
    log.push(
      logLine(deps.clock.now(), "error", ended.cancelled === true ? "the restore was cancelled" : messageOf(error)),
    );
  }
  await uploadRecords(deps, request.run, tally, log);
  return outcomeOf(deps.clock, started, tally, ended);
}

/** A restore of everything reads everything anyway: it compares the whole archive first. A filtered one checks each object as it reads it. */
async function verifyBeforeWriting(session: RestoreSession): Promise<void> {
  const { namespaces, resources, names } = session.options;
  const narrow = [namespaces, resources, names].some(
    (lists) => lists.includes.length > 0 && !lists.includes.includes("*"),
  );
  if (!narrow) await session.request.backup.verifyArchive();
}

/** What runs beside the writes, or after them all. */
interface Trailing {
  readonly hooks: HookRunner;
  readonly owners: OwnerLinks;
  readonly lanes: QuotaLanes;
  readonly volumes: VolumeSettler;
}

async function runSteps(session: RestoreSession, given: Pick<Sinks, "tally" | "log">): Promise<HookTally> {
  const { tally } = given;
  const { deps, request, limits } = session;
  const trailing: Trailing = {
    hooks: createHookRunner(session),
    owners: createOwnerLinks(),
    lanes: createQuotaLanes(session),
    volumes: createVolumeSettler(session),
  };
  const sinks: Sinks = { ...given, order: { matters: false }, trailing };
  const pool = createWorkPool(limits.maxWrites, () => deps.clock.monotonic());
  try {
    try {
      await runInOrder(session, pool, sinks);
    } finally {
      await pool.drain();
    }
    for (const { path, namespace, why } of await request.backup.problems()) {
      tally.addError(namespace, `error decoding ${path}: ${why}`);
    }
    for (const { namespace, message } of await trailing.owners.link(session)) tally.addWarning(namespace, message);
    for (const { namespace, message } of await trailing.volumes.settle()) tally.addError(namespace, message);
    const hooks = await trailing.hooks.finish();
    for (const { namespace, message } of hooks.errors) tally.addError(namespace, message);
    return hooks;
  } catch (error) {
    await trailing.hooks.stop();
    throw error;
  }
}

/** Every resource in its turn; at the end, writes that order does not matter for may still be under way. */
async function runInOrder(session: RestoreSession, pool: WorkPool, sinks: Sinks): Promise<void> {
  const { deps, request } = session;
  const lookAhead = createLookAhead(
    await resourcesInOrder(session),
    (resource) => loadResource(session, resource),
    CHANGE_THE_REST,
  );
  const takeStep = (): Step | undefined => beginStep(session, lookAhead.take(), sinks.tally);
  let step = takeStep();
  let next: Step | undefined;
  try {
    for (; step !== undefined; step = next ?? takeStep()) {
      const { resource } = step;
      next = undefined;
      request.signal?.throwIfAborted();
      // While nothing is written, nothing that was seen before its turn grows old.
      if (!sinks.order.matters) lookAhead.fill(AHEAD);
      sinks.order.matters = false;
      await runStep(session, { step, pool }, sinks, () => {
        if (sinks.order.matters) lookAhead.forget();
        else lookAhead.fill(AHEAD);
        if (!CHANGE_THE_REST.has(resource)) next = takeStep();
      });
      if (resource === CRDS && sinks.tally.counts.created > 0) {
        session.facts.discovery = await deps.kube.discovery({ refresh: true, ...signalOf(request) });
      }
    }
  } finally {
    for (const open of [step, next]) await open?.windows.return();
    await lookAhead.close();
  }
}

/** A resource whose first objects are being planned, while the last writes of the one before are under way. */
interface Step {
  readonly resource: string;
  readonly windows: AsyncGenerator<readonly PlannedItem[], void, void>;
  readonly first: Promise<IteratorResult<readonly PlannedItem[], void>>;
}

function beginStep(session: RestoreSession, taken: Taken | undefined, tally: RunTally): Step | undefined {
  if (taken === undefined) return undefined;
  const windows = planned(session, taken, tally);
  const first = windows.next();
  first.catch(() => undefined); // thrown where it is awaited
  return { resource: taken.resource, windows, first };
}

/** One order step. `onPlanned` is called when its last writes are under way: then there is time to look at the next. */
async function runStep(
  session: RestoreSession,
  { step, pool }: { readonly step: Step; readonly pool: WorkPool },
  sinks: Sinks,
  onPlanned: () => void,
): Promise<void> {
  try {
    for (let window = await step.first; window.done !== true; window = await step.windows.next()) {
      for (const item of window.value) await dispatch(session, pool, item, sinks);
    }
    onPlanned();
  } finally {
    if (sinks.order.matters || CHANGE_THE_REST.has(step.resource)) await pool.drain();
  }
}

/** A resource that can't be looked at is an error of its own; the others are restored. */
async function* planned(
  session: RestoreSession,
  { resource, loaded }: Taken,
  tally: RunTally,
): AsyncGenerator<readonly PlannedItem[], void, void> {
  try {
    yield* ahead(planResource(session, await loaded), 1);
  } catch (error) {
    if (!(await isOfOneResource(session, error))) throw error;
    tally.addError("", `${resource} could not be restored: ${messageOf(error)}`);
  }
}

interface Sinks {
  readonly tally: RunTally;
  readonly log: string[];
  /** Of this step: something is under way that the next may build on. Labels on what stands there are not. */
  readonly order: { matters: boolean };
  readonly trailing: Trailing;
}

async function dispatch(session: RestoreSession, pool: WorkPool, item: PlannedItem, sinks: Sinks): Promise<void> {
  const { tally, log, trailing } = sinks;
  const { deps } = session;
  session.request.signal?.throwIfAborted();
  const task = async (): Promise<void> => {
    const record = await execute(session, item);
    tally.add(record, item);
    follow(item, record, trailing);
    noteRecord(deps, log, record);
    await session.request.onRecord?.(record);
    session.request.onProgress?.({ totalItems: tally.items, itemsRestored: tally.items });
  };
  const { action } = item.entry;
  if (action !== "labelsOnly" && !QUIET.has(action)) sinks.order.matters = true;
  // What an earlier attempt wrote may have to be read.
  if (item.barrier !== true && (!QUIET.has(action) || item.resumedAs !== undefined)) {
    return await pool.start(await trailing.lanes.inTurn(item, task));
  }
  if (item.barrier === true) await pool.drain();
  await task();
}

/** Only what this run created has hooks to run and owners to find. */
function follow(item: PlannedItem, record: ObjectRecord, { hooks, owners, lanes, volumes }: Trailing): void {
  if (record.outcome !== "created" && record.outcome !== "recreated") return;
  owners.add(item);
  lanes.learn(item);
  volumes.add(record);
  if (record.resource === "pods") hooks.start({ namespace: record.namespace, name: record.name }, item.desired);
}

async function execute(session: RestoreSession, item: PlannedItem): Promise<ObjectRecord> {
  if (item.entry.resource === "namespaces" && item.entry.action === "create")
    return await ensureNamespace(session, item);
  const lost = session.facts.lostNamespaces.get(item.entry.namespace);
  if (lost === undefined) return await writeItem(session, item);
  const message = `its namespace could not be made: ${lost}`;
  const { resource, apiVersion, kind, namespace, name } = item.entry;
  return {
    resource,
    apiVersion,
    kind,
    namespace,
    name,
    outcome: "failed",
    reason: "Terminating",
    message,
    errors: [message],
  };
}
