/** Runs a restore: plans one resource, writes it side by side, waits, and goes on to the next. */
import { isCoded, messageOf } from "../errors.ts";
import { ahead } from "./ahead.ts";
import { type LoadedResource, loadResource } from "./batches.ts";
import { ensureNamespace } from "./ensure-namespace.ts";
import { createHookRunner, type HookRunner, type HookTally } from "./hook-run.ts";
import { type Ended, failureReasonOf, outcomeOf } from "./outcome.ts";
import { createOwnerLinks, type OwnerLinks } from "./owners.ts";
import { planResource, resourcesInOrder } from "./planner.ts";
import { createWorkPool, type WorkPool } from "./pool.ts";
import { createQuotaLanes, type QuotaLanes } from "./quota-lanes.ts";
import { logLine, uploadRecords } from "./records.ts";
import { createTally, type RunTally } from "./results.ts";
import { openSession, type RestoreSession, signalOf } from "./session.ts";
import type { ObjectRecord, PlannedItem, RestoreDeps, RestoreOutcome, RestoreRequest } from "./types.ts";
import { restoreSpecProblems } from "./validate-spec.ts";
import { writeItem } from "./write.ts";

/** Resources that change what the next ones find in the cluster: those are not looked at before these are written. */
const CHANGE_THE_REST: ReadonlySet<string> = new Set(["namespaces", "customresourcedefinitions.apiextensions.k8s.io"]);
/** Actions that write nothing. */
const QUIET: ReadonlySet<string> = new Set(["unchanged", "skip", "fail"]);
/** Most lines of a run's log that are kept. */
const LOG_LINES = 20_000;

/**
 * Restores, and never stops for one object: what went wrong is in the outcome. Doing it again under the same run name
 * finishes what was interrupted. An API server or a store that goes away once something is written ends the run as
 * Failed, and says so. @throws {KubeUnavailable, StoreUnreachable} while this attempt has written nothing: try again
 */
export async function runRestore(deps: RestoreDeps, request: RestoreRequest): Promise<RestoreOutcome> {
  const started = deps.clock.now();
  const tally = createTally();
  const validationErrors = restoreSpecProblems(request.spec, request.modifierData);
  if (validationErrors.length > 0)
    return outcomeOf(deps.clock, started, tally, { phase: "FailedValidation", validationErrors });
  const log: string[] = [];
  let ended: Ended = {};
  const progress = { hasWritten: false };
  try {
    const session = await openSession(deps, request);
    await verifyBeforeWriting(session);
    const { attempted, failed } = await runSteps(session, { tally, log, progress });
    ended = attempted === 0 ? {} : { hookStatus: { hooksAttempted: attempted, hooksFailed: failed } };
    for (const note of session.facts.notes) tally.addWarning(undefined, note);
  } catch (error) {
    const isAway = isCoded(error, "KubeUnavailable") || isCoded(error, "StoreUnreachable");
    if (isAway && !progress.hasWritten && request.signal?.aborted !== true) throw error;
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
}

async function runSteps(session: RestoreSession, given: Pick<Sinks, "tally" | "log" | "progress">): Promise<HookTally> {
  const { tally } = given;
  const { deps, request, limits } = session;
  const trailing: Trailing = {
    hooks: createHookRunner(session),
    owners: createOwnerLinks(),
    lanes: createQuotaLanes(session),
  };
  const sinks: Sinks = { ...given, order: { matters: false }, trailing };
  const pool = createWorkPool(limits.maxWrites, () => deps.clock.monotonic());
  try {
    await runInOrder(session, pool, sinks);
  } finally {
    await pool.drain();
  }
  for (const { path, namespace, why } of await request.backup.problems()) {
    tally.addError(namespace, `error decoding ${path}: ${why}`);
  }
  for (const { namespace, message } of await trailing.owners.link(session)) tally.addWarning(namespace, message);
  const hooks = await trailing.hooks.finish();
  for (const { namespace, message } of hooks.errors) tally.addError(namespace, message);
  return hooks;
}

/** Every resource in its turn; at the end, writes that order does not matter for may still be under way. */
async function runInOrder(session: RestoreSession, pool: WorkPool, sinks: Sinks): Promise<void> {
  const { deps, request } = session;
  const resources = await resourcesInOrder(session);
  let loaded: Promise<LoadedResource> | undefined;
  for (const [index, resource] of resources.entries()) {
    request.signal?.throwIfAborted();
    const step = loaded ?? loadResource(session, resource);
    loaded = undefined;
    const next = CHANGE_THE_REST.has(resource) ? undefined : resources[index + 1];
    await runStep(session, { resource, loaded: step, pool }, sinks, () => {
      loaded = next === undefined ? undefined : loadResource(session, next);
      loaded?.catch(() => undefined); // thrown at its turn
    });
    if (resource === "customresourcedefinitions.apiextensions.k8s.io" && sinks.tally.counts.created > 0) {
      session.facts.discovery = await deps.kube.discovery({ refresh: true, ...signalOf(request) });
    }
  }
}

interface Step {
  readonly resource: string;
  readonly loaded: Promise<LoadedResource>;
  readonly pool: WorkPool;
}

/**
 * One order step. A resource that can't be listed is an error of its own; the others are restored. `onPlanned` is called
 * when its last writes are under way: then there is time to look at the next.
 */
async function runStep(
  session: RestoreSession,
  { resource, loaded, pool }: Step,
  sinks: Sinks,
  onPlanned: () => void,
): Promise<void> {
  try {
    for await (const window of ahead(planResource(session, await loaded), 1)) {
      for (const item of window) await dispatch(session, pool, item, sinks);
    }
    onPlanned();
  } catch (error) {
    session.request.signal?.throwIfAborted();
    if (!isCoded(error, "KubeForbidden") && !isCoded(error, "KubeRejected")) throw error;
    sinks.tally.addError("", `${resource} could not be restored: ${messageOf(error)}`);
  } finally {
    if (sinks.order.matters || CHANGE_THE_REST.has(resource)) await pool.drain();
    sinks.order.matters = false;
  }
}

interface Sinks {
  readonly tally: RunTally;
  readonly log: string[];
  /** Of this attempt: true as soon as one object was written, or may have been. */
  readonly progress: { hasWritten: boolean };
  /** Of this step: something is under way that the next may build on. Labels on what stands there are not. */
  readonly order: { matters: boolean };
  readonly trailing: Trailing;
}

async function dispatch(session: RestoreSession, pool: WorkPool, item: PlannedItem, sinks: Sinks): Promise<void> {
  const { tally, log, progress, trailing } = sinks;
  session.request.signal?.throwIfAborted();
  const task = async (): Promise<void> => {
    const record = await execute(session, item);
    if (!QUIET.has(item.entry.action)) progress.hasWritten = true;
    tally.add(record, item);
    follow(item, record, trailing);
    note(session, log, record);
    await session.request.onRecord?.(record);
    session.request.onProgress?.({ totalItems: tally.items, itemsRestored: tally.items });
  };
  if (item.barrier !== true && !QUIET.has(item.entry.action)) {
    if (item.entry.action !== "labelsOnly") sinks.order.matters = true;
    return await pool.start(await trailing.lanes.inTurn(item, task));
  }
  if (item.barrier === true) await pool.drain();
  await task();
}

/** Only what this run created has hooks to run and owners to find. */
function follow(item: PlannedItem, record: ObjectRecord, { hooks, owners, lanes }: Trailing): void {
  if (record.outcome !== "created" && record.outcome !== "recreated") return;
  owners.add(item);
  lanes.learn(item);
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

function note(session: RestoreSession, log: string[], record: ObjectRecord): void {
  const level = record.errors !== undefined ? "error" : record.warnings !== undefined ? "warning" : "info";
  const { resource, namespace, name, outcome, message } = record;
  session.deps.log.debug(
    { resource, namespace, name, outcome, ...(message === undefined ? {} : { message }) },
    "restored object",
  );
  if (log.length >= LOG_LINES) return;
  const place = namespace === "" ? name : `${namespace}/${name}`;
  log.push(
    logLine(
      session.deps.clock.now(),
      level,
      `${outcome} ${resource} ${place}${message === undefined ? "" : `: ${message}`}`,
    ),
  );
}
