/** Which expired backups may go now, and which a person is asked about. Pure. */
import { formatKey, type ObjectKey } from "../api/object.ts";
import { isRestorable, type RetainedBackup, type RetentionVerdict } from "../backup/retention-plan.ts";
import { judgeDeletions } from "./deletion-plan.ts";

/** A backup as the breaker looks at it. */
export interface GuardedBackup extends RetainedBackup {
  readonly uid: string;
  readonly location: ObjectKey;
  /** Found due before, and not deleted for reasons of its location (`holdfast.dev/gc-failure`). */
  readonly wasDue: boolean;
}

/** Whose annotation allows held deletions, and whose condition tells of them. */
export interface BreakerOwner {
  readonly kind: "BackupPolicy" | "BackupStorageLocation";
  readonly key: ObjectKey;
}

export interface BreakerInput<B extends GuardedBackup> {
  readonly verdicts: readonly RetentionVerdict<B>[];
  /**
   * Since when expiry is routine, ms since the epoch: what expired since the last look goes at the pace at which it was
   * made, and so does one backup for each that was made. The rest became due by a changed rule or clock, and is judged.
   */
  readonly routineSinceMs: number;
  readonly isPolicy: (key: ObjectKey) => boolean;
  /** Deletions that were judged and allowed within the last hour. */
  readonly recentOf: (owner: BreakerOwner) => number;
  readonly allowedOf: (owner: BreakerOwner) => string | undefined;
}

/** Deletions of one owner that wait for a person. */
export interface HeldDeletions<B extends GuardedBackup> {
  readonly owner: BreakerOwner;
  readonly digest: string;
  readonly backups: readonly B[];
  readonly why: string;
}

export interface BreakerPlan<B extends GuardedBackup> {
  readonly routine: readonly B[];
  /** Judged and let through. */
  readonly judged: readonly { readonly backup: B; readonly owner: BreakerOwner }[];
  readonly held: readonly HeldDeletions<B>[];
}

/** Sorts what is to be deleted. A backup without data is no loss and is never held. */
export function planDeletions<B extends GuardedBackup>(input: BreakerInput<B>): BreakerPlan<B> {
  const routine: B[] = [];
  const groups = new Map<string, { readonly owner: BreakerOwner; readonly going: B[]; staying: number }>();
  const pace = begunSince(input);
  for (const { backup, action, expiresMs, reasons } of [...input.verdicts].sort(oldestFirst)) {
    const owner = ownerOf(input, backup);
    const id = `${owner.kind} ${formatKey(owner.key)}`;
    const group = groups.get(id) ?? { owner, going: [], staying: 0 };
    groups.set(id, group);
    const isOurs = reasons[0]?.rule !== "OtherCluster";
    if (action === "keep") group.staying += isRestorable(backup) && isOurs ? 1 : 0;
    else if (isRoutine(input, backup, expiresMs) || takeOne(pace, seriesId(backup))) routine.push(backup);
    else group.going.push(backup);
  }
  const judged: { backup: B; owner: BreakerOwner }[] = [];
  const held: HeldDeletions<B>[] = [];
  for (const { owner, going, staying } of groups.values()) {
    if (going.length === 0) continue;
    const verdict = judgeDeletions(
      going.map(({ key, uid }) => ({ id: formatKey(key), kind: "Backup", uid })),
      Array.from({ length: staying }, () => "Backup"),
      { recent: input.recentOf(owner), allowed: input.allowedOf(owner) },
    );
    if (verdict.type === "allowed") judged.push(...going.map((backup) => ({ backup, owner })));
    else held.push({ owner, digest: verdict.digest, backups: going, why: verdict.why });
  }
  return { routine, judged, held };
}

function oldestFirst(a: RetentionVerdict, b: RetentionVerdict): number {
  return a.backup.startedMs - b.backup.startedMs;
}

function isRoutine<B extends GuardedBackup>(
  { routineSinceMs }: BreakerInput<B>,
  backup: B,
  expiresMs: number | undefined,
): boolean {
  return !isRestorable(backup) || backup.wasDue || (expiresMs ?? 0) >= routineSinceMs;
}

/** How many backups each schedule made since then: as many may leave a keep rule, one for one. */
function begunSince<B extends GuardedBackup>({ verdicts, routineSinceMs }: BreakerInput<B>): Map<string, number> {
  const begun = new Map<string, number>();
  for (const { backup } of verdicts) {
    const id = seriesId(backup);
    if (id === undefined || !isRestorable(backup) || backup.startedMs < routineSinceMs) continue;
    begun.set(id, (begun.get(id) ?? 0) + 1);
  }
  return begun;
}

function seriesId({ series }: RetainedBackup): string | undefined {
  return series && `${formatKey(series.policy)} ${series.schedule}`;
}

function takeOne(pace: Map<string, number>, id: string | undefined): boolean {
  const left = (id === undefined ? undefined : pace.get(id)) ?? 0;
  if (id === undefined || left === 0) return false;
  pace.set(id, left - 1);
  return true;
}

/** The policy of a backup where it still stands, else its location. */
export function ownerOf<B extends GuardedBackup>(
  { isPolicy }: Pick<BreakerInput<B>, "isPolicy">,
  backup: B,
): BreakerOwner {
  const policy = backup.series?.policy;
  return policy !== undefined && isPolicy(policy)
    ? { kind: "BackupPolicy", key: policy }
    : { kind: "BackupStorageLocation", key: backup.location };
}

/** The breaker's outer limit: after a longer pause of Holdfast's, a person is asked. */
const LONGEST_PAUSE_MS = 7 * 24 * 3_600_000;

/** Since when expiry is routine. `pauseMs` is the time since the last look; undefined when nobody knows. */
export function routineSince(nowMs: number, pauseMs: number | undefined, frequencyMs: number): number {
  const pause = Math.min(LONGEST_PAUSE_MS, Math.max(0, pauseMs ?? 0));
  return nowMs - pause - 2 * frequencyMs;
}

/** What another clock showed when it was asked. */
export interface OtherClock {
  /** `the API server`, `location main`. */
  readonly whose: string;
  readonly ms: number;
}

/** No healthy clock is further ahead of another. */
const CLOCK_TOLERANCE_MS = 15 * 60_000;

/** Why the own clock can't be trusted to say what has expired; undefined when it can. One that is behind deletes less. */
export function clockProblem(nowMs: number, others: readonly OtherClock[]): string | undefined {
  const slowest = others.filter(({ ms }) => nowMs - ms > CLOCK_TOLERANCE_MS).sort((a, b) => a.ms - b.ms)[0];
  if (slowest === undefined) return undefined;
  const minutes = Math.floor((nowMs - slowest.ms) / 60_000);
  return `Holdfast's clock is ${minutes} minutes ahead of that of ${slowest.whose}`;
}
