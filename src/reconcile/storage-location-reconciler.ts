import { setCondition } from "../api/conditions.ts";
import { locationDefaults } from "../api/defaults.ts";
import type { BackupStorageLocationStatus } from "../api/kinds.generated.ts";
import { BACKUP_STORAGE_LOCATION } from "../api/kinds.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import { BACKUPS_PREFIX } from "../storage/layout.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { type ConditionalWrites, probeConditionalWrites } from "../storage/probe.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { cleanUnfinished, countRestorable, type SyncOutcome, syncLocation } from "./location-sync.ts";
import { isReadOnly } from "./locations.ts";
import { DONE, type Result, requeue, type StepOutcome } from "./result.ts";
import { summarize } from "./summarize.ts";
import { writeStatus } from "./write-status.ts";

/** A failing location is tried again after this, however rarely it is validated. */
const UNAVAILABLE_RETRY_MS = 30_000;
const CLEAN_UP_EVERY_MS = 10 * 60_000;
/** A location that is tried or synced "once" is still looked at this often for a changed spec. */
const NEVER_MS = 24 * 3_600_000;

/** What was last seen of one location; lost with the process and found again. */
interface Seen {
  readonly generation: number | undefined;
  readonly conditional: ConditionalWrites | undefined;
  syncedAt: number | undefined;
  cleanedAt: number | undefined;
  sync: SyncOutcome;
  /** When records were dropped; outlives a change of the location and an outage. */
  readonly dropped: number[];
}

/** Builds the reconciler of BackupStorageLocations: tries each one, says how it is, and syncs what it holds. */
export function createStorageLocationReconciler(deps: ReconcileDeps): (key: ObjectKey) => Promise<Result> {
  const seen = new Map<string, Seen>();
  const dropped = new Map<string, number[]>();

  return async (key) => {
    const location = deps.live.get("BackupStorageLocation", key);
    if (location === undefined || location.metadata.deletionTimestamp !== undefined) {
      seen.delete(formatKey(key));
      return DONE;
    }
    const { validationFrequencyMs, syncPeriodMs } = locationDefaults(location.spec);
    let store: ObjectStore;
    let conditional: ConditionalWrites | undefined;
    try {
      store = await deps.open.store(location);
      conditional = await tryLocation(location, store, seen.get(formatKey(key)));
    } catch (error) {
      seen.delete(formatKey(key));
      return await writeUnavailable(deps, location, error);
    }
    const state = stateOf({ seen, dropped }, location, conditional);
    const settled = await writeAvailable(deps, location, state);
    const isSynced = await syncWhenDue(deps, settled, { store, state, syncPeriodMs });
    if (isSynced) await writeAvailable(deps, settled, state);
    return requeue(Math.min(validationFrequencyMs || NEVER_MS, syncPeriodMs || NEVER_MS));
  };
}

/** Reads it, and where it may be written to, finds out once whether conditional writes hold. */
async function tryLocation(
  location: Live<"BackupStorageLocation">,
  store: ObjectStore,
  seen: Seen | undefined,
): Promise<ConditionalWrites | undefined> {
  await store.listPrefixes(BACKUPS_PREFIX);
  if (isReadOnly(location)) return undefined;
  if (seen !== undefined && seen.generation === location.metadata.generation) return seen.conditional;
  return await probeConditionalWrites(store);
}

function stateOf(
  { seen, dropped }: { readonly seen: Map<string, Seen>; readonly dropped: Map<string, number[]> },
  location: Live<"BackupStorageLocation">,
  conditional: ConditionalWrites | undefined,
): Seen {
  const key = formatKey({ namespace: location.metadata.namespace ?? "", name: location.metadata.name });
  const before = seen.get(key);
  if (before !== undefined && before.generation === location.metadata.generation) return before;
  const state: Seen = {
    generation: location.metadata.generation,
    conditional,
    syncedAt: undefined,
    cleanedAt: undefined,
    sync: { held: undefined },
    dropped: dropped.get(key) ?? [],
  };
  dropped.set(key, state.dropped);
  seen.set(key, state);
  return state;
}

async function syncWhenDue(
  deps: ReconcileDeps,
  location: Live<"BackupStorageLocation">,
  how: { readonly store: ObjectStore; readonly state: Seen; readonly syncPeriodMs: number },
): Promise<boolean> {
  const { store, state, syncPeriodMs } = how;
  const nowMs = deps.clock.monotonic();
  const mayClean = !isReadOnly(location) && !deps.restoreOnly;
  if (mayClean && (state.cleanedAt === undefined || nowMs - state.cleanedAt >= CLEAN_UP_EVERY_MS)) {
    state.cleanedAt = nowMs;
    await cleanUnfinished(deps, location, store);
  }
  const isFirst = state.syncedAt === undefined;
  if (!isFirst && (syncPeriodMs === 0 || nowMs - (state.syncedAt ?? 0) < syncPeriodMs / 2)) return false;
  state.sync = await syncLocation(deps, location, store, state.dropped);
  state.syncedAt = nowMs;
  return true;
}

async function writeAvailable(
  deps: ReconcileDeps,
  location: Live<"BackupStorageLocation">,
  { conditional, sync }: Seen,
): Promise<Live<"BackupStorageLocation">> {
  const nowMs = deps.clock.now();
  const generation = location.metadata.generation;
  const outcome = availableOutcome(sync);
  const summary = summarize({ outcome, conditions: location.status?.conditions, generation, nowMs });
  const conditions =
    conditional === undefined
      ? summary.conditions
      : conditionalCondition(summary.conditions, conditional, { generation, nowMs });
  const { message: _message, ...before } = location.status ?? {};
  const wasAvailable = location.status?.phase === "Available";
  const status: BackupStorageLocationStatus = {
    ...before,
    phase: "Available",
    conditions,
    backups: countRestorable(deps, location),
    // only a change is a transition: a time that moves with every look would be a write with every look
    lastValidationTime: wasAvailable ? (before.lastValidationTime ?? rfc3339(nowMs)) : rfc3339(nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(conditional === undefined ? {} : { conditionalWrites: conditional.supported }),
  };
  const written = await writeStatus(deps.kube, BACKUP_STORAGE_LOCATION, location, status);
  deps.live.put(written);
  return written;
}

function availableOutcome({ held }: SyncOutcome): StepOutcome {
  if (held === undefined) return { type: "ready", reason: "Available", message: "the location can be reached" };
  return {
    type: "ready",
    reason: "DeletionsHeld",
    message: `the data of ${held.count} backups is gone (${held.why}); their records are kept until the annotation holdfast.dev/allow-deletions says ${held.digest}`,
  };
}

function conditionalCondition(
  conditions: Parameters<typeof setCondition>[0],
  conditional: ConditionalWrites,
  at: { readonly generation: number | undefined; readonly nowMs: number },
): ReturnType<typeof setCondition> {
  const input = conditional.supported
    ? ({ status: true, reason: "Supported", message: "the store honours If-None-Match" } as const)
    : ({
        status: false,
        reason: "NotSupported",
        message: `${conditional.reason}: this prefix must not be shared`,
      } as const);
  return setCondition(conditions, { type: "ConditionalWrites", observedGeneration: at.generation, ...input }, at.nowMs);
}

async function writeUnavailable(
  deps: ReconcileDeps,
  location: Live<"BackupStorageLocation">,
  error: unknown,
): Promise<Result> {
  const nowMs = deps.clock.now();
  const generation = location.metadata.generation;
  const message = messageOf(error);
  const reason = error instanceof CodedError ? error.code : "Internal";
  const outcome = { type: "fail", reason, message, afterMs: UNAVAILABLE_RETRY_MS } as const;
  const { conditions, result } = summarize({ outcome, conditions: location.status?.conditions, generation, nowMs });
  const status = {
    ...location.status,
    phase: "Unavailable",
    message,
    conditions,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  deps.log.info({ location: location.metadata.name, reason, error: message }, "location is unavailable");
  deps.live.put(await writeStatus(deps.kube, BACKUP_STORAGE_LOCATION, location, status));
  return result;
}
