import { REVISION_ANNOTATION } from "../api/annotations.ts";
import { findCondition } from "../api/conditions.ts";
import { sha256 } from "../api/digest.ts";
import type { KindName } from "../api/kinds.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import type { BranchView } from "../git/remote.ts";
import {
  type BackupRecord,
  backupRecord,
  backupRecordText,
  mergeShard,
  monthOf,
  parseShard,
  replacedRows,
  type ShardRows,
  shardText,
} from "../report/backup-record.ts";
import { recordedSamples } from "../report/backup-samples.ts";
import { Counts } from "../report/counts-file.ts";
import { type ArchivedYear, indexText, mergeIndex, parseIndex, type RecordIndex } from "../report/index-file.ts";
import type { Sample } from "../report/metrics-table.ts";
import { policyRecordText } from "../report/policy-record.ts";
import { readmeText } from "../report/readme.ts";
import {
  backupPath,
  CLUSTER_PATH,
  COUNTERS_PATH,
  INDEX_PATH,
  monthAt,
  policyPath,
  README_PATH,
  restorePaths,
  shardPath,
  sourcePath,
} from "../report/record-paths.ts";
import { clusterRecordText, restoreRecordText } from "../report/restore-record.ts";
import { sourceRecordText } from "../report/source-record.ts";
import type { Installation } from "./deps.ts";
import type { Live, LiveObjects } from "./live-objects.ts";
import { dataLocation } from "./locations.ts";
import type { Transition } from "./record-message.ts";
import type { Sources } from "./sources.ts";

/** The state the record is made from. */
export interface RecordState {
  readonly live: LiveObjects;
  readonly sources: Sources;
  readonly clock: Clock;
  readonly installation: Installation;
}

/** One object's file; `text` undefined deletes it. */
export interface ObjectFile {
  readonly path: string;
  readonly text: string | undefined;
  readonly backup?: BackupRecord;
  readonly transition?: Transition;
}

/**
 * The file one object has in the record: none while there is nothing to tell. A Backup or RestorePlan that went keeps
 * its file: deleting a record in the cluster undoes nothing that happened.
 */
export function objectFile(
  state: Pick<RecordState, "live" | "installation">,
  kind: KindName,
  key: ObjectKey,
  object: KubeObject | undefined,
): ObjectFile | undefined {
  switch (kind) {
    case "BackupPolicy":
      return policyFile(key, object as Live<"BackupPolicy"> | undefined);
    case "Backup":
      return object === undefined ? undefined : liveBackupFile(state, object as Live<"Backup">);
    case "RestorePlan":
      return object === undefined ? undefined : restoreFile(key, object as Live<"RestorePlan">);
    default:
      return undefined;
  }
}

/** The file of a backup's record. */
export function backupFile(record: BackupRecord): ObjectFile {
  return {
    path: backupPath(monthOf(record), record.name),
    text: backupRecordText(record),
    backup: record,
    transition: {
      type: "backup",
      subject: `${record.name} ${record.gone === true ? "gone" : record.phase}`,
      backup: record.name,
      policyRevision: record.policy?.revision,
    },
  };
}

/** The record of a live Backup of this installation that ended; others' backups are recorded by their owners. */
export function recordOf(
  { live, installation }: Pick<RecordState, "live" | "installation">,
  backup: Live<"Backup">,
): BackupRecord | undefined {
  const { status } = backup;
  if (status?.cluster !== undefined && status.cluster !== installation.cluster) return undefined;
  if (status?.cluster === undefined && status?.run === undefined) return undefined;
  return backupRecord(backup, installation.cluster, dataLocation({ live, installation }, backup));
}

function policyFile(key: ObjectKey, policy: Live<"BackupPolicy"> | undefined): ObjectFile {
  const path = policyPath(key);
  const subject = `${key.namespace}/${key.name}`;
  if (policy === undefined)
    return { path, text: undefined, transition: { type: "policy", subject: `${subject} removed` } };
  const revision = policy.metadata.annotations?.[REVISION_ANNOTATION];
  return {
    path,
    text: policyRecordText(policy, revision),
    transition: { type: "policy", subject, policyRevision: revision },
  };
}

function liveBackupFile(
  state: Pick<RecordState, "live" | "installation">,
  backup: Live<"Backup">,
): ObjectFile | undefined {
  const record = recordOf(state, backup);
  return record === undefined ? undefined : backupFile(record);
}

function restoreFile(key: ObjectKey, plan: Live<"RestorePlan">): ObjectFile | undefined {
  const run = plan.status?.run?.id;
  if (run === undefined) return undefined;
  // made from the ledger, which knows less than the record that the run itself wrote
  if (findCondition(plan.status?.conditions, "Ready")?.reason === "AlreadyRun") return undefined;
  const revision = plan.metadata.annotations?.[REVISION_ANNOTATION];
  return {
    path: restorePaths(key, run).status,
    text: restoreRecordText(plan, revision),
    transition: {
      type: "restore",
      subject: `${run} ${plan.status?.phase ?? ""}`.trim(),
      backup: plan.status?.backup?.name,
      policyRevision: revision,
      planDigest: plan.status?.planDigest,
    },
  };
}

/** What one commit brings to the record. */
export interface RecordBatch {
  readonly files: ReadonlyMap<string, string | Uint8Array | undefined>;
  /** Their rows are put into the months as they stand at the head. */
  readonly backups: readonly BackupRecord[];
  /** What moved to archive branches, and the rows that are left of its months. */
  readonly archived?: {
    readonly years: Readonly<Record<string, ArchivedYear>>;
    readonly months: ReadonlyMap<string, ShardRows>;
    /** What the records that left had added to counters. */
    readonly counts: readonly Sample[];
  };
}

/** One batch as files on top of a head: months are merged into what stands there, the two pages are made anew. */
export async function batchFiles(
  state: RecordState,
  head: BranchView,
  batch: RecordBatch,
): Promise<Map<string, string | Uint8Array | undefined>> {
  const { cluster, clusterUid } = state.installation;
  const files = new Map(batch.files);
  const months = new Map<string, ShardRows>(batch.archived?.months);
  const left = [...(batch.archived?.counts ?? [])];
  for (const [path, records] of groupByMonth(batch.backups)) {
    const [first] = records;
    if (first === undefined) continue;
    const standing = parseShard(await head.readFile(path));
    const rows = mergeShard(standing, records);
    left.push(...replacedRows(standing, rows).flatMap(recordedSamples));
    months.set(path, rows);
    files.set(path, shardText(monthOf(first), rows));
  }
  for (const [path, rows] of batch.archived?.months ?? []) files.set(path, monthText(path, rows));
  if (left.length > 0) {
    // in the very commit that they leave by, so that each is counted once whatever happens in between
    const counts = Counts.parse(await head.readFile(COUNTERS_PATH));
    counts.add(left);
    files.set(COUNTERS_PATH, counts.text());
  }
  for (const [path, text] of sourceFiles(state)) files.set(path, text);
  const sources = state.sources.applied();
  const before = parseIndex(await head.readFile(INDEX_PATH));
  const archived = batch.archived?.years ?? {};
  const index = mergeIndex(cluster, before, { months, records: batch.backups, sources, archived });
  files.set(INDEX_PATH, indexText(index));
  files.set(README_PATH, readme(state, index));
  files.set(CLUSTER_PATH, clusterRecordText({ cluster, uid: clusterUid }));
  return files;
}

/** The bytes of the `index.json` of a month that stands at a path; undefined deletes the last row's file. */
export function monthText(path: string, rows: ShardRows): string | undefined {
  const month = monthAt(path);
  return month === undefined || Object.keys(rows).length === 0 ? undefined : shardText(month, rows);
}

/** Changes exactly when the pages may: a look at what is in memory before the remote is asked. */
export function pagesDigest(state: RecordState): string {
  const empty = mergeIndex(state.installation.cluster, undefined, {
    months: new Map(),
    records: [],
    sources: state.sources.applied(),
  });
  return sha256([readme(state, empty), ...sourceFiles(state).flat()].join("\n"));
}

function sourceFiles({ sources }: RecordState): [string, string][] {
  return sources
    .declarations()
    .map(({ source, declared }) => [sourcePath(source), sourceRecordText(formatKey(source), declared)]);
}

function readme({ live, clock, installation }: RecordState, index: RecordIndex): string {
  return readmeText({
    cluster: installation.cluster,
    policies: live.list("BackupPolicy"),
    restores: live.list("RestorePlan"),
    index,
    nowMs: clock.now(),
  });
}

function groupByMonth(records: readonly BackupRecord[]): Map<string, BackupRecord[]> {
  const months = new Map<string, BackupRecord[]>();
  for (const record of records) {
    const path = shardPath(monthOf(record));
    const group = months.get(path) ?? [];
    group.push(record);
    months.set(path, group);
  }
  return months;
}
