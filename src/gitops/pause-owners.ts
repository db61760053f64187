/** Pauses owners and lets them go on: every write is guarded by the version it was planned on, and doing it twice is once. */
import type { KubeObject } from "../api/object.ts";
import type { PatchOperation } from "../api/patch.ts";
import { type Clock, rfc3339 } from "../clock.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { OwnerPause } from "../report/owners-record.ts";
import { isBusy, restRemedy } from "./in-flight.ts";
import { formatOwner, type Owner } from "./owner.ts";
import {
  isPaused,
  type PauseHolder,
  pausePatch,
  pauseRecordOf,
  pauseText,
  priorOf,
  renewPatch,
  resumePatch,
} from "./pause-change.ts";

/** What pausing needs from the world. */
export interface PauseDeps {
  readonly kube: Pick<KubeClient, "get" | "patch">;
  readonly clock: Clock;
}

/** An owner by name, where it is served. */
export type PausedOwner = Pick<Owner, "kind" | "namespace" | "name" | "gvr">;

const FIELD_MANAGER = "holdfast";
/** A reconcile that began before the pause may write until it has ended; it is waited for this long. */
const REST_TIMEOUT_MS = 300_000;
/** An owner counts as resting when it did nothing for so long: a controller may hold the state from before the pause. */
const REST_MS = 1500;
const POLL_MS = 250;
/** A parent that was at work may undo a pause once. */
const ROUNDS = 3;
const CONFLICTS = 10;

/**
 * Pauses every owner, in the given order, and resolves when all of them rest.
 * @throws {OwnerNotPaused} naming the owner and what to do, @throws {OwnerHeld} when another restore holds one
 */
export async function pauseOwners(
  deps: PauseDeps,
  owners: readonly PausedOwner[],
  holder: PauseHolder,
  signal: AbortSignal,
): Promise<void> {
  for (const owner of owners) await tryPause(deps, owner, holder, signal);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const owner of owners) await pauseOne(deps, owner, holder, signal);
    if (await allRest(deps, owners, holder, signal)) return;
  }
  throw notPaused(owners[0], "something puts it back again and again: pause what applies it too");
}

/** What each owner has to be given back: noted before anything is changed. @throws {OwnerNotPaused} where one is gone */
export async function readPriors(
  deps: PauseDeps,
  owners: readonly PausedOwner[],
  run: string,
): Promise<readonly OwnerPause[]> {
  const priors: OwnerPause[] = [];
  for (const owner of owners) {
    const object = await present(deps, owner);
    const record = pauseRecordOf(object);
    const { prior } = record?.run === run ? record : priorOf(owner.kind, object);
    priors.push({
      owner: formatOwner(owner),
      how: pauseText(owner.kind),
      ...(prior === undefined ? {} : { prior }),
    });
  }
  return priors;
}

/** What the API server would say, before anything is paused. */
async function tryPause(deps: PauseDeps, owner: PausedOwner, holder: PauseHolder, signal: AbortSignal): Promise<void> {
  const operations = planned(deps, owner, await present(deps, owner, signal), holder);
  if (operations !== undefined) await send(deps, owner, operations, { signal, dryRun: true });
}

async function pauseOne(deps: PauseDeps, owner: PausedOwner, holder: PauseHolder, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // Argo CD does not end an operation that it finds on a paused Application
    const object =
      owner.kind === "Application" ? await atRest(deps, owner, { holder, signal }) : await present(deps, owner, signal);
    const operations = planned(deps, owner, object, holder);
    if (operations === undefined || (await send(deps, owner, operations, { signal })) || attempt > CONFLICTS) return;
  }
}

/** Undefined where this run has paused it already. A pause whose time is over is taken along: what it knew is kept. */
function planned(
  { clock }: PauseDeps,
  owner: PausedOwner,
  object: KubeObject,
  holder: PauseHolder,
): readonly PatchOperation[] | undefined {
  const record = pauseRecordOf(object);
  if (record === undefined) return pausePatch(owner.kind, object, holder);
  if (record.run !== holder.run) {
    if (Date.parse(record.deadline) > clock.now()) throw held(owner, record.run);
    return resumePatch(owner.kind, object, rfc3339(clock.now()));
  }
  return isPaused(owner.kind, object) ? undefined : pausePatch(owner.kind, object, holder);
}

/** False on a lost race. */
async function send(
  { kube }: PauseDeps,
  owner: PausedOwner,
  operations: readonly PatchOperation[],
  options: { readonly signal?: AbortSignal; readonly dryRun?: boolean },
): Promise<boolean> {
  try {
    await kube.patch(owner.gvr, owner, { type: "json", operations }, { fieldManager: FIELD_MANAGER, ...options });
    return true;
  } catch (error) {
    if (isCoded(error, "KubeConflict")) return false;
    if (isCoded(error, "KubeForbidden"))
      throw notPaused(
        owner,
        `grant patch on ${owner.gvr.resource}.${owner.gvr.group} (manifests/rbac/owners.yaml)`,
        error,
      );
    if (isCoded(error, "KubeRejected"))
      throw notPaused(owner, `the API server refuses the change: ${messageOf(error)}`, error);
    throw error;
  }
}

async function allRest(
  deps: PauseDeps,
  owners: readonly PausedOwner[],
  holder: PauseHolder,
  signal: AbortSignal,
): Promise<boolean> {
  const resting = await Promise.all(owners.map((owner) => atRest(deps, owner, { holder, signal, quietMs: REST_MS })));
  return owners.every(({ kind }, index) => {
    const object = resting[index];
    return object !== undefined && isPaused(kind, object) && pauseRecordOf(object)?.run === holder.run;
  });
}

/** The owner once it did nothing for `quietMs`. */
async function atRest(
  deps: PauseDeps,
  owner: PausedOwner,
  {
    holder,
    signal,
    quietMs = 0,
  }: { readonly holder: PauseHolder; readonly signal: AbortSignal; readonly quietMs?: number },
): Promise<KubeObject> {
  const { clock } = deps;
  const endsAt = clock.monotonic() + REST_TIMEOUT_MS;
  let quietSince: number | undefined;
  let seen = "";
  for (;;) {
    const object = await present(deps, owner, signal);
    const now = clock.monotonic();
    const version = object.metadata.resourceVersion ?? "";
    const busy = isBusy(owner.kind, object, holder.plan);
    if (busy || version !== seen) quietSince = undefined;
    if (!busy) quietSince ??= now;
    seen = version;
    if (quietSince !== undefined && now - quietSince >= quietMs) return object;
    if (now > endsAt) throw notPaused(owner, `it is at work and does not come to rest: ${restRemedy(owner.kind)}`);
    await clock.sleep(POLL_MS, signal);
  }
}

async function present({ kube }: PauseDeps, owner: PausedOwner, signal?: AbortSignal): Promise<KubeObject> {
  const object = await kube.get(owner.gvr, owner, signal);
  if (object !== undefined) return object;
  throw notPaused(owner, "it was deleted meanwhile: try again");
}

/** Moves the deadline of the run's pauses on. False for those that somebody else ended meanwhile. */
export async function renewPause(
  { kube }: PauseDeps,
  owner: PausedOwner,
  { run, deadline }: Pick<PauseHolder, "run" | "deadline">,
): Promise<boolean> {
  for (let attempt = 1; attempt <= CONFLICTS; attempt++) {
    const object = await kube.get(owner.gvr, owner);
    const operations = object === undefined ? undefined : renewPatch(object, run, deadline);
    if (object === undefined || operations === undefined || !isPaused(owner.kind, object)) return false;
    if (await send({ kube } as PauseDeps, owner, operations, {})) return true;
  }
  return true;
}

/**
 * Ends the pause of one owner, if it is this run's. Idempotent: one that is gone, or resumed already, is left alone.
 * @throws {OwnerNotResumed} with what to do by hand
 */
export async function resumeOwner(deps: PauseDeps, owner: PausedOwner, run: string): Promise<void> {
  const { kube, clock } = deps;
  try {
    for (let attempt = 1; attempt <= CONFLICTS; attempt++) {
      const object = await kube.get(owner.gvr, owner);
      if (object === undefined || pauseRecordOf(object)?.run !== run) return;
      const operations = resumePatch(owner.kind, object, rfc3339(clock.now()));
      if (await send(deps, owner, operations, {})) return;
    }
    throw new CodedError("KubeConflict", { ref: formatOwner(owner) }, "it changes again and again");
  } catch (error) {
    if (isCoded(error, "KubeNotFound")) return;
    const message = `${formatOwner(owner)} is still paused (${pauseText(owner.kind)}): ${messageOf(error)}`;
    throw new CodedError("OwnerNotResumed", { owner: formatOwner(owner) }, message, { cause: error });
  }
}

function notPaused(owner: PausedOwner | undefined, remedy: string, cause?: unknown): CodedError {
  const id = owner === undefined ? "the owner" : formatOwner(owner);
  const message = `${id} owns what the restore writes and can't be paused, so nothing is restored: ${remedy}`;
  return new CodedError("OwnerNotPaused", { owner: id }, message, cause === undefined ? {} : { cause });
}

function held(owner: PausedOwner, run: string): CodedError {
  const id = formatOwner(owner);
  return new CodedError(
    "OwnerHeld",
    { owner: id, run },
    `${id} is paused for run ${run}: this restore begins when that one has ended`,
  );
}
