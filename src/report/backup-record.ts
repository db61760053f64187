import { PURPOSE_LABEL } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { parseJson } from "../api/json.ts";
import type { Backup, BackupOrigin, HookStatus } from "../api/kinds.generated.ts";
import type { ObjectKey } from "../api/object.ts";
import type { BackupMonth } from "./record-paths.ts";
import { secondsBetween } from "./seconds.ts";
import { rowsJson, stableYaml } from "./stable-text.ts";

/** A backup that ended, as its record tells it. Times are RFC 3339, UTC. */
export interface BackupRecord {
  readonly name: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly location: ObjectKey;
  readonly phase: string;
  readonly started?: string;
  readonly completed?: string;
  /** How long its run took; absent where none was begun. */
  readonly durationSeconds?: number;
  readonly expires?: string;
  readonly items?: number;
  readonly warnings?: number;
  readonly errors?: number;
  readonly hooks?: HookStatus;
  readonly archiveSizeBytes?: number;
  readonly manifestSha256?: string;
  readonly unprotectedVolumes?: number;
  readonly failureReason?: string;
  readonly policy?: BackupOrigin;
  /** `safety`: made by a restore of what it was going to touch. */
  readonly purpose?: string;
  /** True once the bucket holds it no more. */
  readonly gone?: true;
  /** Beside `gone`: Holdfast deleted it; without, its data went from the bucket by itself. */
  readonly deleted?: true;
}

/** One line of a month's `index.json`: what is compared with the bucket, and what counters are made from. */
export interface ShardRow {
  readonly phase: string;
  readonly completed?: string;
  readonly durationSeconds?: number;
  readonly expires?: string;
  readonly items?: number;
  readonly manifestSha256?: string;
  /** Absent for none. */
  readonly warnings?: number;
  readonly hooks?: HookStatus;
  /** `namespace/name`. */
  readonly policy?: string;
  /** The backup's own, where no policy asked for it. */
  readonly namespace?: string;
  readonly schedule?: string;
  readonly purpose?: string;
  readonly gone?: true;
  readonly deleted?: true;
}

/** A month's `index.json`, read. */
export type ShardRows = Readonly<Record<string, ShardRow>>;

const ENDED: ReadonlySet<string> = new Set(["Completed", "PartiallyFailed", "Failed", "FailedValidation", "Deleted"]);

/** True for a phase that never changes by itself again. */
export function isEnded(phase: string | undefined): boolean {
  return phase !== undefined && ENDED.has(phase);
}

/** True when no run of it goes on: it has ended, or its data is being deleted. */
export function isOver(phase: string | undefined): boolean {
  return isEnded(phase) || phase === "Deleting";
}

/** How it ended, although it is being deleted or is deleted by now; undefined where that is not known. */
export function outcomeOf({ status }: Pick<Backup, "status">): string | undefined {
  const phase: string | undefined = status?.phase;
  if (phase !== "Deleting" && phase !== "Deleted") return phase;
  const { reason } = findCondition(status?.conditions, "Succeeded") ?? {};
  return reason === undefined || isEnded(reason) ? reason : "Failed";
}

/** The record of a live Backup that ended; undefined while it runs or waits. `location` is where its data is. */
export function backupRecord(backup: Backup, cluster: string, location: ObjectKey): BackupRecord | undefined {
  const { status, metadata } = backup;
  if (status?.phase === undefined || !isEnded(status.phase)) return undefined;
  const isDeleted = findCondition(status.conditions, "Ready")?.reason === "Deleted";
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    cluster: status.cluster ?? cluster,
    location,
    phase: outcomeOf(backup) ?? "Failed",
    ...defined({
      started: status.startTimestamp ?? metadata.creationTimestamp,
      completed: status.completionTimestamp,
      durationSeconds: secondsBetween(status.startTimestamp, status.completionTimestamp),
      expires: status.expiration,
      items: status.progress?.itemsBackedUp,
      warnings: status.warnings,
      errors: status.errors,
      hooks: status.hookStatus,
      archiveSizeBytes: status.archiveSizeBytes,
      manifestSha256: status.manifestSha256,
      unprotectedVolumes: status.unprotectedVolumes,
      failureReason: status.failureReason,
      policy: status.policy,
      purpose: metadata.labels?.[PURPOSE_LABEL],
      gone: status.phase === "Deleted" ? true : undefined,
      deleted: status.phase === "Deleted" && isDeleted ? true : undefined,
    }),
  };
}

/** Tells a backup that ended from any other, one of its name that was made later among them. */
export function endedId(name: string, completed: string | undefined): string {
  return `${name} ${completed ?? ""}`;
}

/** Where a record belongs: by its start, UTC. */
export function monthOf(record: BackupRecord): BackupMonth {
  const started = record.started ?? record.completed ?? "1970-01-01T00:00:00Z";
  return { location: record.location, month: `${started.slice(0, 4)}/${started.slice(5, 7)}` };
}

/** `<backup>.yaml`. */
export function backupRecordText(record: BackupRecord): string {
  return stableYaml(record);
}

/** A month's `index.json` with some records put in or replaced; all others stay as they stand at the head. */
export function mergeShard(before: ShardRows, records: readonly BackupRecord[]): ShardRows {
  const rows: Record<string, ShardRow> = { ...before };
  for (const record of records) rows[record.name] = shardRow(record);
  return rows;
}

/** Rows of backups that are gone, in whose place another backup of their name stands after a change. */
export function replacedRows(before: ShardRows, after: ShardRows): ShardRow[] {
  return Object.entries(before).flatMap(([name, row]) => {
    const next = after[name];
    return row.gone === true && next !== undefined && next.completed !== row.completed ? [row] : [];
  });
}

/** The bytes of a month's `index.json`. */
export function shardText(month: BackupMonth, rows: ShardRows): string {
  const location = `${month.location.namespace}/${month.location.name}`;
  return rowsJson({ location, month: month.month }, "backups", rows);
}

/** Reads a month's `index.json`; what is not one (a person's edit) counts as empty and is written anew. */
export function parseShard(bytes: Uint8Array | undefined): ShardRows {
  if (bytes === undefined) return {};
  try {
    const shard = parseJson(bytes) as { backups?: ShardRows };
    return typeof shard.backups === "object" && shard.backups !== null ? shard.backups : {};
  } catch {
    return {};
  }
}

function shardRow(record: BackupRecord): ShardRow {
  const { policy } = record;
  return {
    phase: record.phase,
    ...defined({
      completed: record.completed,
      durationSeconds: record.durationSeconds,
      expires: record.expires,
      items: record.items,
      manifestSha256: record.manifestSha256,
      warnings: record.warnings === 0 ? undefined : record.warnings,
      hooks: (record.hooks?.hooksAttempted ?? 0) === 0 ? undefined : record.hooks,
      namespace: policy === undefined ? record.namespace : undefined,
      policy: policy === undefined ? undefined : `${policy.namespace ?? record.namespace}/${policy.name}`,
      schedule: policy?.schedule,
      purpose: record.purpose,
      gone: record.gone,
      deleted: record.deleted,
    }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Drops undefined fields, so that optional ones are absent and not undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
