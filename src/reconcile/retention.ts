import { ALLOW_DELETIONS_ANNOTATION, GC_FAILURE_LABEL } from "../api/annotations.ts";
import { findCondition, removeCondition, setCondition } from "../api/conditions.ts";
import type { Condition } from "../api/kinds.generated.ts";
import { API_VERSION, BACKUP, BACKUP_POLICY, BACKUP_STORAGE_LOCATION } from "../api/kinds.ts";
import { formatKey } from "../api/object.ts";
import { retentionPlan } from "../backup/retention-plan.ts";
import { messageOf } from "../errors.ts";
import { METADATA_PREFIX } from "../storage/layout.ts";
import { expire, sayUnblocked } from "./backup-deletion.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { isAvailable, isReadOnly } from "./locations.ts";
import {
  type BreakerOwner,
  type BreakerPlan,
  clockProblem,
  type OtherClock,
  ownerOf,
  planDeletions,
} from "./retention-breaker-plan.ts";
import { type RetainedLive, retentionInput } from "./retention-input.ts";
import { writeStatus } from "./write-status.ts";

/** Why some deletions of an owner wait; what its condition says. */
interface Blocked {
  readonly owner: BreakerOwner;
  readonly reason: Parameters<typeof setCondition>[1]["reason"];
  readonly message: string;
}

/** Deletions that the breaker judged and let through, by owner; what is older than an hour counts no more. */
export type JudgedDeletions = Map<string, number[]>;

const HOUR_MS = 3_600_000;

/**
 * One look at every backup of this cluster: what has expired and is kept by no rule is marked for its deletion. What
 * the breaker, a clock or a location holds back is said on the policy, or on the location where there is none.
 * `routineSinceMs`: since when expiry is routine. Returns how many were marked.
 */
export async function lookAtRetention(
  deps: ReconcileDeps,
  how: { readonly routineSinceMs: number; readonly judged: JudgedDeletions },
): Promise<number> {
  const nowMs = deps.clock.now();
  const verdicts = retentionPlan(retentionInput(deps, nowMs));
  const isPolicy = (key: { namespace: string; name: string }): boolean =>
    deps.live.get("BackupPolicy", key) !== undefined;
  const plan = planDeletions({
    verdicts,
    routineSinceMs: how.routineSinceMs,
    isPolicy,
    recentOf: (owner) => recent(deps, how.judged, owner).length,
    allowedOf: (owner) => ownerObject(deps, owner)?.metadata.annotations?.[ALLOW_DELETIONS_ANNOTATION],
  });
  const due = [...plan.routine, ...plan.judged.map(({ backup }) => backup)];
  const clock = due.length === 0 ? undefined : clockProblem(nowMs, await otherClocks(deps, due));
  const blocked: Blocked[] = plan.held.map(({ owner, digest, backups, why }) => ({
    owner,
    reason: "DeletionsHeld",
    message: `${backups.length} expired backups are kept (${why}) until the annotation ${ALLOW_DELETIONS_ANNOTATION} says ${digest}`,
  }));
  let marked = 0;
  if (clock !== undefined) {
    for (const backup of due)
      blocked.push({ owner: ownerOf({ isPolicy }, backup), reason: "ClockAhead", message: clock });
  } else {
    marked = await expireAll(deps, due, (backup, entry) =>
      blocked.push({ owner: ownerOf({ isPolicy }, backup), ...entry }),
    );
    noteJudged(deps, how.judged, plan);
  }
  for (const { backup, action } of verdicts) if (action === "keep") await unblock(deps, backup.object);
  await sayOnOwners(deps, blocked);
  return marked;
}

/** One failure stops no other; it is tried again at the next look. */
async function expireAll(
  deps: ReconcileDeps,
  due: readonly RetainedLive[],
  onBlocked: (backup: RetainedLive, entry: Omit<Blocked, "owner">) => void,
): Promise<number> {
  let marked = 0;
  for (const backup of due) {
    const live = deps.live.get("Backup", backup.key);
    if (live === undefined || live.metadata.uid !== backup.uid) continue;
    try {
      const obstacle = await expire(deps, live);
      if (obstacle === undefined) marked++;
      else
        onBlocked(backup, { reason: obstacle.reason, message: `${backup.key.name} has expired: ${obstacle.message}` });
    } catch (error) {
      deps.log.warn({ backup: backup.key.name, error: messageOf(error) }, "expired backup was not marked");
    }
  }
  if (marked > 0) deps.log.info({ backups: marked }, "expired backups are deleted");
  return marked;
}

async function unblock(deps: ReconcileDeps, { metadata }: Live<"Backup">): Promise<void> {
  const live = deps.live.get("Backup", { namespace: metadata.namespace ?? "", name: metadata.name });
  const isLabelled = live?.metadata.labels?.[GC_FAILURE_LABEL] !== undefined;
  if (live === undefined || !isLabelled || live.status?.phase === "Deleting") return;
  try {
    await sayUnblocked(deps, live);
  } catch (error) {
    deps.log.warn({ backup: metadata.name, error: messageOf(error) }, "the label of a kept backup was not removed");
  }
}

/** What the API server and the locations take for the time: each of them by a write that leaves nothing behind. */
async function otherClocks(deps: ReconcileDeps, due: readonly RetainedLive[]): Promise<OtherClock[]> {
  const clocks: OtherClock[] = [await apiServerClock(deps)];
  for (const key of new Map(due.map(({ location }) => [formatKey(location), location])).values()) {
    const location = deps.live.get("BackupStorageLocation", key);
    if (location === undefined || !isAvailable(location) || isReadOnly(location)) continue;
    try {
      const store = await deps.open.store(location);
      const probe = `${METADATA_PREFIX}holdfast-clock-${deps.installation.cluster}`;
      await store.put(probe, Buffer.from("x"));
      const ms = (await store.head(probe))?.modifiedMs;
      await store.delete(probe);
      if (ms !== undefined) clocks.push({ whose: `location ${location.metadata.name}`, ms });
    } catch (error) {
      // the deletion will meet the same, and say it
      deps.log.info({ location: location.metadata.name, error: messageOf(error) }, "a location's clock can't be asked");
    }
  }
  return clocks;
}

async function apiServerClock({ kube, installation }: ReconcileDeps): Promise<OtherClock> {
  const metadata = { name: "holdfast-clock", namespace: installation.namespace };
  const probe = { apiVersion: API_VERSION, kind: "Backup", metadata, spec: {} };
  const made = await kube.create(BACKUP, probe, { dryRun: true });
  return { whose: "the API server", ms: Date.parse(made.metadata.creationTimestamp ?? "") };
}

function recent({ clock }: ReconcileDeps, judged: JudgedDeletions, owner: BreakerOwner): number[] {
  const hourAgo = clock.monotonic() - HOUR_MS;
  return (judged.get(idOf(owner)) ?? []).filter((at) => at > hourAgo);
}

function noteJudged(deps: ReconcileDeps, judged: JudgedDeletions, plan: BreakerPlan<RetainedLive>): void {
  for (const { owner } of plan.judged) {
    judged.set(idOf(owner), [...recent(deps, judged, owner), deps.clock.monotonic()]);
  }
}

function idOf({ kind, key }: BreakerOwner): string {
  return `${kind} ${formatKey(key)}`;
}

function ownerObject(
  { live }: ReconcileDeps,
  { kind, key }: BreakerOwner,
): Live<"BackupPolicy"> | Live<"BackupStorageLocation"> | undefined {
  return kind === "BackupPolicy" ? live.get("BackupPolicy", key) : live.get("BackupStorageLocation", key);
}

/** Every policy and location says what is held back there, and nothing when nothing is. */
async function sayOnOwners(deps: ReconcileDeps, blocked: readonly Blocked[]): Promise<void> {
  for (const kind of ["BackupPolicy", "BackupStorageLocation"] as const) {
    for (const object of deps.live.list(kind)) {
      const key = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
      const own = blocked.filter(({ owner }) => idOf(owner) === idOf({ kind, key }));
      if (own.length === 0 && findCondition(object.status?.conditions, "DeletionBlocked") === undefined) continue;
      try {
        const conditions = withBlocked(deps, object, own);
        const target = kind === "BackupPolicy" ? BACKUP_POLICY : BACKUP_STORAGE_LOCATION;
        deps.live.put(await writeStatus(deps.kube, target, object, { ...object.status, conditions }));
      } catch (error) {
        deps.log.info({ kind, key: formatKey(key), error: messageOf(error) }, "what is held back could not be said");
      }
    }
  }
}

const SHOWN = 3;

function withBlocked(
  { clock }: ReconcileDeps,
  object: Live<"BackupPolicy"> | Live<"BackupStorageLocation">,
  own: readonly Blocked[],
): readonly Condition[] {
  const [first] = own;
  if (first === undefined) return removeCondition(object.status?.conditions, "DeletionBlocked");
  const messages = [...new Set(own.map(({ message }) => message))];
  const more = messages.length > SHOWN ? `; and ${messages.length - SHOWN} more` : "";
  const message = `${messages.slice(0, SHOWN).join("; ")}${more}`;
  const observedGeneration = object.metadata.generation;
  const input = { type: "DeletionBlocked", status: true, reason: first.reason, message, observedGeneration } as const;
  return setCondition(object.status?.conditions, input, clock.now());
}
