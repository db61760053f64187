/** What a converged cluster still has that is not as it should be: what `run --once` ends with. Pure. */
import { findCondition } from "../api/conditions.ts";
import type { Condition } from "../api/kinds.generated.ts";
import { KINDS, type KindName } from "../api/kinds.ts";
import { formatKey, type KubeObject, keyOf } from "../api/object.ts";
import { isEnded } from "../report/backup-record.ts";
import type { ReconcileDeps } from "./deps.ts";
import { SYNCED_ANNOTATION } from "./marker-plan.ts";

/** One object that fails, waits, or ended badly, with the reason and the message of its condition. */
export interface Unsettled {
  /** `<Kind> <namespace>/<name>`. */
  readonly object: string;
  readonly reason: string;
  readonly message: string;
}

type State = Pick<ReconcileDeps, "live" | "sources">;

interface Status {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
}

/** The backups and restores that are over, by `<Kind> <namespace>/<name>`: what happened to them is old news. */
export function endedObjects({ live }: State): ReadonlySet<string> {
  const runs = (["Backup", "RestorePlan"] as const).flatMap((kind) =>
    live.list(kind).map((object) => ({ id: idOf(kind, object as KubeObject), phase: object.status?.phase })),
  );
  return new Set(runs.filter(({ phase }) => isEnded(phase)).map(({ id }) => id));
}

/**
 * Sources that are not applied, locations that fail, backups and restores that wait or, unless in `endedBefore` or not of
 * this process, ended otherwise than Completed. An interrupted backup is none: it is made up, or tried by a person.
 */
export function unsettled(state: State, endedBefore: ReadonlySet<string>): readonly Unsettled[] {
  const { live, sources } = state;
  const flagged = sources.flagged === undefined ? [] : [{ kind: "GitSource" as const, object: sources.flagged }];
  const all = [...flagged, ...KINDS.flatMap(({ kind }) => live.list(kind).map((object) => ({ kind, object })))];
  return all.flatMap(({ kind, object }) => {
    const id = idOf(kind, object as KubeObject);
    const status = (object.status ?? {}) as Status;
    const isNews = !endedBefore.has(id) && !isOfAnother(object as KubeObject);
    const bad = isEnded(status.phase) ? badEnd(status, isNews) : badStanding(kind, status);
    return bad === undefined ? [] : [{ object: id, reason: bad.reason, message: bad.message }];
  });
}

/** A backup that sync found in a bucket: somebody made it, at some time. */
function isOfAnother({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[SYNCED_ANNOTATION] !== undefined;
}

/** Ends that are no failure of this process: a backup that died with another one, and a restore that ran before. */
const OLD_NEWS: ReadonlySet<string> = new Set(["Interrupted", "AlreadyRun"]);

function badEnd({ conditions }: Status, isNews: boolean): Condition | undefined {
  const succeeded = findCondition(conditions, "Succeeded") ?? findCondition(conditions, "Ready");
  const isBad = succeeded?.status !== "True" && !OLD_NEWS.has(succeeded?.reason ?? "");
  return isNews && isBad ? succeeded : undefined;
}

/** Sources, backups and restores must get to their end; policies have none, and say in their conditions how they are. */
function badStanding(kind: KindName, { conditions }: Status): Pick<Condition, "reason" | "message"> | undefined {
  const ready = findCondition(conditions, "Ready");
  if (kind === "BackupPolicy") return undefined;
  if (kind === "BackupStorageLocation") return ready?.status === "False" ? ready : undefined;
  return ready?.status === "True" ? undefined : (ready ?? { reason: "Unknown", message: "it was not looked at yet" });
}

function idOf(kind: KindName, object: KubeObject): string {
  return `${kind} ${formatKey(keyOf(object))}`;
}
