import { parseJson } from "../api/json.ts";
import type { BackupRecord, ShardRows } from "./backup-record.ts";
import { stableJson } from "./stable-text.ts";

/** `index.json`: where everything is, in one small file that does not grow with the backups of a month. */
export interface RecordIndex {
  readonly cluster: string;
  readonly totals: MonthTotals;
  /** `namespace/policy` → schedule → its newest Completed backup. */
  readonly newest: Readonly<Record<string, Readonly<Record<string, NewestBackup>>>>;
  /** Path of a month's `index.json` → what it holds. */
  readonly months: Readonly<Record<string, MonthTotals>>;
  /** Year → where its records of what exists no more went, and how many; absent while there is none. */
  readonly archived?: Readonly<Record<string, ArchivedYear>>;
  /** The repositories that declare this cluster, and up to which commit they are applied. */
  readonly sources: Readonly<Record<string, SourceRecord>>;
}

export interface MonthTotals {
  readonly backups: number;
  readonly completed: number;
  readonly partiallyFailed: number;
  readonly failed: number;
  /** No longer in the bucket. */
  readonly gone: number;
}

/** What one archive branch holds. */
export interface ArchivedYear extends MonthTotals {
  readonly branch: string;
}

export interface NewestBackup {
  readonly backup: string;
  readonly location: string;
  readonly completed: string;
}

export interface SourceRecord {
  readonly url: string;
  readonly branch: string;
  readonly path: string;
  readonly revision: string;
}

/** What one batch changes in the index. */
export interface IndexChanges {
  /** Months whose rows were written, whole; one without rows is no more. */
  readonly months: ReadonlyMap<string, ShardRows>;
  readonly records: readonly BackupRecord[];
  readonly sources: Readonly<Record<string, SourceRecord>>;
  /** Archive branches that were written, by year. */
  readonly archived?: Readonly<Record<string, ArchivedYear>>;
}

/** The index with one batch of changes; months that the batch does not touch stay as they stand at the head. */
export function mergeIndex(cluster: string, before: RecordIndex | undefined, changes: IndexChanges): RecordIndex {
  const months: Record<string, MonthTotals> = { ...before?.months };
  for (const [path, rows] of changes.months) {
    if (Object.keys(rows).length === 0) delete months[path];
    else months[path] = countRows(rows);
  }
  const archived = { ...before?.archived, ...changes.archived };
  return {
    cluster,
    months,
    ...(Object.keys(archived).length === 0 ? {} : { archived }),
    totals: [...Object.values(months), ...Object.values(archived)].reduce(addTotals, NO_TOTALS),
    newest: mergeNewest(before?.newest ?? {}, changes.records),
    sources: changes.sources,
  };
}

/** The bytes of `index.json`. */
export function indexText(index: RecordIndex): string {
  return stableJson(index);
}

/** Reads `index.json`; undefined when the bytes are none. */
export function parseIndex(bytes: Uint8Array | undefined): RecordIndex | undefined {
  if (bytes === undefined) return undefined;
  try {
    const value = parseJson(bytes) as Partial<RecordIndex> | null;
    const isIndex = typeof value?.months === "object" && typeof value.newest === "object";
    return isIndex && typeof value.sources === "object" ? (value as RecordIndex) : undefined;
  } catch {
    return undefined;
  }
}

const NO_TOTALS: MonthTotals = { backups: 0, completed: 0, partiallyFailed: 0, failed: 0, gone: 0 };

function countRows(rows: ShardRows): MonthTotals {
  const totals = { ...NO_TOTALS };
  for (const row of Object.values(rows)) {
    if (row.gone === true) totals.gone++;
    else totals.backups++;
    if (row.phase === "Completed") totals.completed++;
    else if (row.phase === "PartiallyFailed") totals.partiallyFailed++;
    else totals.failed++;
  }
  return totals;
}

function addTotals(a: MonthTotals, b: MonthTotals): MonthTotals {
  return {
    backups: a.backups + b.backups,
    completed: a.completed + b.completed,
    partiallyFailed: a.partiallyFailed + b.partiallyFailed,
    failed: a.failed + b.failed,
    gone: a.gone + b.gone,
  };
}

function mergeNewest(before: RecordIndex["newest"], records: readonly BackupRecord[]): RecordIndex["newest"] {
  const newest: Record<string, Record<string, NewestBackup>> = {};
  for (const [policy, schedules] of Object.entries(before)) newest[policy] = { ...schedules };
  for (const record of records) {
    const { policy, completed } = record;
    if (policy?.schedule === undefined || completed === undefined || record.phase !== "Completed") continue;
    const name = `${policy.namespace ?? record.namespace}/${policy.name}`;
    newest[name] ??= {};
    const known = newest[name][policy.schedule];
    if (known !== undefined && known.completed >= completed) continue;
    const location = `${record.location.namespace}/${record.location.name}`;
    newest[name][policy.schedule] = { backup: record.name, location, completed };
  }
  return newest;
}
