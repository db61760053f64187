import { GC_FAILURE_LABEL, PURPOSE_LABEL } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { DEFAULT_TTL, scheduleDefaults } from "../api/defaults.ts";
import type { Schedule } from "../api/kinds.generated.ts";
import { keyOf } from "../api/object.ts";
import { hasKeepRule } from "../backup/keep-rules-plan.ts";
import type { RetentionInput, Series } from "../backup/retention-plan.ts";
import { isEnded } from "../report/backup-record.ts";
import { MANUAL, parseBackupName } from "../schedule/slot-name.ts";
import { wallTime } from "../schedule/wall-clock.ts";
import type { Installation } from "./deps.ts";
import type { Live, LiveObjects } from "./live-objects.ts";
import { dataLocation, isAvailable } from "./locations.ts";
import { SYNCED_ANNOTATION } from "./marker-plan.ts";
import type { GuardedBackup } from "./retention-breaker-plan.ts";

interface State {
  readonly live: LiveObjects;
  readonly installation: Installation;
}

/** A backup that retention looks at, with the object it was made from. */
export type RetainedLive = GuardedBackup & { readonly object: Live<"Backup"> };

/** Finds the schedule of a series; undefined where there is none. */
export type FindSchedule = (series: Series) => Schedule | undefined;

/** What the plan of retention is made from, as the cluster stands now; `find` puts other schedules in place of its own. */
export function retentionInput(
  state: State,
  nowMs: number,
  find: FindSchedule = (series) => scheduleOf(state.live, series),
): RetentionInput<RetainedLive> {
  const users = usersOf(state.live);
  return {
    backups: state.live.list("Backup").map((object) => retained(state, find, object, users.get(object.metadata.name))),
    rulesOf: find,
    cluster: state.installation.cluster,
    nowMs,
  };
}

/** The schedule of a series as its policy has it now. */
export function scheduleOf(live: LiveObjects, { policy, schedule }: Series): Schedule | undefined {
  return live.get("BackupPolicy", policy)?.spec.schedules.find(({ name }) => name === schedule);
}

/**
 * Backups that a restore runs from, or will: by name alone, since two locations may show the same bucket. One that
 * waits for its approval holds none.
 */
function usersOf(live: LiveObjects): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const plan of live.list("RestorePlan")) {
    if (isEnded(plan.status?.phase)) continue;
    if (findCondition(plan.status?.conditions, "Ready")?.reason === "AwaitingApproval") continue;
    const { backup, safetyBackup } = plan.status ?? {};
    for (const name of [backup?.name ?? plan.spec.source.backupName, safetyBackup, undoneBackup(live, plan)])
      if (name !== undefined) users.set(name, plan.metadata.name);
  }
  return users;
}

/** The restore that needs a backup of this name now; undefined when none does. */
export function userOf(live: LiveObjects, backup: string): string | undefined {
  return usersOf(live).get(backup);
}

/** What an undo puts back: the copies that the undone run made. */
function undoneBackup(live: LiveObjects, plan: Live<"RestorePlan">): string | undefined {
  const { undoOf } = plan.spec.source;
  if (undoOf === undefined) return undefined;
  return live.list("RestorePlan").find(({ status }) => status?.run?.id === undoOf)?.status?.safetyBackup;
}

function retained(state: State, find: FindSchedule, object: Live<"Backup">, inUseBy: string | undefined): RetainedLive {
  const { metadata, spec, status } = object;
  const isSynced = metadata.annotations?.[SYNCED_ANNOTATION] !== undefined;
  const series = seriesOf(state, object);
  const schedule = series && find(series);
  // nothing but a keep rule asks for it, and there may be thousands
  const zone = schedule !== undefined && hasKeepRule(schedule) ? scheduleDefaults(schedule, {}).timeZone : "UTC";
  const startedMs = Date.parse(status?.startTimestamp ?? metadata.creationTimestamp ?? "") || 0;
  const expirationMs = status?.expiration === undefined ? undefined : Date.parse(status.expiration);
  const where = dataLocation(state, object);
  const location = state.live.get("BackupStorageLocation", where);
  return {
    object,
    key: keyOf(object),
    uid: metadata.uid ?? "",
    location: where,
    wasDue: metadata.labels?.[GC_FAILURE_LABEL] !== undefined,
    phase: status?.phase,
    // one that this cluster asked for and that never got as far as a claim is this cluster's
    cluster: status?.cluster ?? (isSynced ? undefined : state.installation.cluster),
    series,
    startedMs,
    startedWallMs: wallTime(startedMs, zone),
    ttl: spec.ttl ?? (isSynced ? undefined : DEFAULT_TTL),
    expirationMs,
    isReachable: location !== undefined && isAvailable(location),
    inUseBy,
  };
}

function seriesOf({ installation }: State, { metadata, status }: Live<"Backup">): Series | undefined {
  if (metadata.labels?.[PURPOSE_LABEL] !== undefined) return undefined;
  const origin = status?.policy;
  if (origin?.schedule !== undefined) {
    if (origin.schedule === MANUAL) return undefined;
    const namespace = origin.namespace ?? metadata.namespace ?? "";
    return { policy: { namespace, name: origin.name }, schedule: origin.schedule };
  }
  const named = parseBackupName(metadata.name, installation.namespace);
  if (named === undefined || named.schedule === MANUAL) return undefined;
  return { policy: { namespace: named.namespace, name: named.policy }, schedule: named.schedule };
}
