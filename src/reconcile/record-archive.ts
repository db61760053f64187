/** Moves records of years long past, of what exists no more, to a branch for each year: the status branch stays small. */
import { dirname } from "node:path/posix";
import { formatKey, keyOf } from "../api/object.ts";
import type { FolderEntry } from "../git/remote.ts";
import { isEnded, parseShard, type ShardRows } from "../report/backup-record.ts";
import { recordedSamples } from "../report/backup-samples.ts";
import { type ArchivedYear, indexText, mergeIndex, parseIndex } from "../report/index-file.ts";
import type { Sample } from "../report/metrics-table.ts";
import { archiveBranch, INDEX_PATH, restoreFolder, restoresFolder } from "../report/record-paths.ts";
import { parseRestoreRecord } from "../report/restore-record.ts";
import { recordedRestoreCounts } from "../report/restore-samples.ts";
import {
  type ArchiveMove,
  backupMoves,
  firstKeptYear,
  movedRows,
  rowsThatStay,
  yearOfRun,
  yearOfShard,
} from "./archive-plan.ts";
import type { ReconcileDeps } from "./deps.ts";
import { RECORD_AUTHOR } from "./git-record.ts";
import { batchFiles, monthText, objectFile, type RecordBatch } from "./record-files.ts";
import { commitMessage, type Transition } from "./record-message.ts";
import { assertOurs } from "./record-owner.ts";
import { foldersBelow, monthShards } from "./record-tree.ts";
import type { RecordTarget } from "./sources.ts";

/** What one commit moves at most: what is read of it is held in memory until both branches have it. */
const MAX_FILES = 500;
const MAX_BYTES = 16 * 1024 * 1024;

/** A remote that refuses the archive branch refuses it for good: nothing waits for it, and the next look tries again. */
const PUSH_DEADLINE_MS = 20_000;

export type ArchiveDeps = Pick<ReconcileDeps, "live" | "sources" | "clock" | "installation" | "record" | "hit" | "log">;

/** What moves at once, of one year, with the bytes that stand on the status branch. */
interface Batch {
  readonly year: number;
  readonly moves: ArchiveMove[];
  readonly files: Map<string, Buffer>;
  bytes: number;
}

/** The status branch at one commit. */
interface RecordView {
  readFile(path: string): Promise<Buffer | undefined>;
  listFolder(path: string): Promise<readonly FolderEntry[]>;
}

/**
 * Moves what is to be moved, batch by batch: first onto the archive branch, then off the status branch, so that a crash
 * between the two leaves records in both places, and the next look ends it. Undefined while the record can't be
 * reached or a source was not applied yet, else how many files moved. Idempotent. @throws {ClusterMismatch, LeaseLost} and what a push throws
 */
export async function archiveOldYears(deps: ArchiveDeps, signal?: AbortSignal): Promise<number | undefined> {
  const target = deps.sources.recordTarget();
  if (target === undefined || !isApplied(deps)) return undefined;
  const written = new Set<string>();
  let moved = 0;
  try {
    for (;;) {
      const batch = await nextBatch(deps, target, signal);
      if (batch === undefined) return moved;
      const branch = archiveBranch(target.branch, batch.year);
      written.add(branch);
      const year = await archive(deps, target, batch, { branch, signal });
      deps.hit("record-archived");
      if (!(await remove(deps, target, batch, { year, signal }))) return moved;
      moved += batch.files.size;
      deps.log.info({ branch, files: batch.files.size }, "old records are archived");
    }
  } finally {
    // years that nobody writes again for a long time would stay on the disk
    for (const branch of written) await target.remote.release(branch);
  }
}

/** Whether all that Git declares is in the cluster: on a rebuilt one, RestorePlans come back with the first look at Git. */
function isApplied({ sources, live }: ArchiveDeps): boolean {
  const applied = sources.applied();
  const all = [...(sources.flagged === undefined ? [] : [sources.flagged]), ...live.list("GitSource")];
  return all.every((source) => source.spec.suspend === true || formatKey(keyOf(source)) in applied);
}

/** The oldest year's records that may move, up to what one commit takes; undefined when there are none. */
async function nextBatch(
  deps: ArchiveDeps,
  { remote, branch }: RecordTarget,
  signal: AbortSignal | undefined,
): Promise<Batch | undefined> {
  if ((await remote.head(branch, signal)) === undefined) return undefined;
  const revision = await remote.fetch(branch, signal);
  const view: RecordView = {
    readFile: (path) => remote.readFile(revision, path),
    listFolder: (path) => remote.listFolder(revision, path),
  };
  await assertOurs({ ...view, commitInfo: () => remote.commitInfo(revision) }, deps.installation);
  const live = livePaths(deps);
  const shards = Map.groupBy(await monthShards(view.listFolder), yearOfShard);
  const runs = Map.groupBy(await foldersBelow(view.listFolder, "restores", 3), yearOfRun);
  const years = [...new Set([...shards.keys(), ...runs.keys()])].filter((year) => year !== undefined);
  for (const year of years.filter((each) => each < firstKeptYear(deps.clock.now())).sort((a, b) => a - b)) {
    const batch: Batch = { year, moves: [], files: new Map(), bytes: 0 };
    for await (const move of movesOf(view, { shards: shards.get(year) ?? [], runs: runs.get(year) ?? [], live })) {
      signal?.throwIfAborted();
      if (isFull(batch)) break;
      await put(batch, view, move);
    }
    if (batch.moves.length > 0) return batch;
  }
  return undefined;
}

/**
 * Paths of what is still an object in the cluster: its record would be written again, and pages link to it. A plan that
 * does not know its run yet, as on a rebuilt cluster, keeps all that it ever had.
 */
function livePaths(deps: ArchiveDeps): ReadonlySet<string> {
  const backups = deps.live.list("Backup").map((backup) => objectFile(deps, "Backup", keyOf(backup), backup)?.path);
  const restores = deps.live.list("RestorePlan").map((plan) => {
    const run = plan.status?.run?.id;
    return run === undefined ? restoresFolder(keyOf(plan)) : restoreFolder(keyOf(plan), run);
  });
  return new Set([...backups, ...restores].filter((path) => path !== undefined));
}

async function* movesOf(
  view: RecordView,
  year: { readonly shards: readonly string[]; readonly runs: readonly string[]; readonly live: ReadonlySet<string> },
): AsyncIterable<ArchiveMove> {
  for (const shard of year.shards) yield* backupMoves(shard, parseShard(await view.readFile(shard)), year.live);
  for (const folder of year.runs) {
    if (year.live.has(folder) || year.live.has(dirname(folder))) continue;
    const status = await view.readFile(`${folder}/status.yaml`);
    if (status === undefined || !isEnded(parseRestoreRecord(status)?.phase)) continue;
    const entries = (await view.listFolder(folder)).filter(({ type }) => type === "file");
    yield { files: entries.map(({ name }) => `${folder}/${name}`) };
  }
}

async function put(batch: Batch, view: RecordView, move: ArchiveMove): Promise<void> {
  batch.moves.push(move);
  for (const path of move.files) {
    const bytes = await view.readFile(path);
    if (bytes === undefined) continue;
    batch.files.set(path, bytes);
    batch.bytes += bytes.length;
  }
}

function isFull({ moves, files, bytes }: Batch): boolean {
  return moves.length >= MAX_FILES || files.size >= MAX_FILES || bytes >= MAX_BYTES;
}

/** Puts a batch onto the archive branch of its year; returns what that holds now. */
async function archive(
  { installation }: ArchiveDeps,
  { remote }: RecordTarget,
  batch: Batch,
  { branch, signal }: { readonly branch: string; readonly signal: AbortSignal | undefined },
): Promise<ArchivedYear> {
  let year: ArchivedYear | undefined;
  await remote.commitIfChanged({
    branch,
    author: RECORD_AUTHOR,
    message: commitMessage([transitionOf(batch)], installation),
    files: async (head) => {
      const files = new Map<string, string | Uint8Array | undefined>(batch.files);
      const months = new Map<string, ShardRows>();
      for (const [path, rows] of movedRows(batch.moves)) {
        const merged = { ...parseShard(await head.readFile(path)), ...rows };
        months.set(path, merged);
        files.set(path, monthText(path, merged));
      }
      const before = parseIndex(await head.readFile(INDEX_PATH));
      const index = mergeIndex(installation.cluster, before, { months, records: [], sources: {} });
      year = { branch, ...index.totals };
      return files.set(INDEX_PATH, indexText(index));
    },
    deadlineMs: PUSH_DEADLINE_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  return year as ArchivedYear;
}

/** Takes a batch off the status branch; what somebody changed there meanwhile stays. False when nothing was to be done. */
async function remove(
  deps: ArchiveDeps,
  target: RecordTarget,
  batch: Batch,
  { year, signal }: { readonly year: ArchivedYear; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  const outcome = await deps.record.commitBeside(target, {
    transition: transitionOf(batch),
    files: async (head) => {
      const files: Map<string, undefined> = new Map();
      const edited = new Set<string>();
      for (const [path, archived] of batch.files) {
        const standing = await head.readFile(path);
        if (standing?.equals(archived) === true) files.set(path, undefined);
        else if (standing !== undefined) edited.add(path);
      }
      const months = new Map<string, ShardRows>();
      const counts: Sample[] = [...files.keys()].flatMap((path) => countsOfRestore(path, batch.files.get(path)));
      for (const [path, rows] of movedRows(batch.moves)) {
        const staying = batch.moves.filter(({ row, files: [file = ""] }) => row?.shard === path && edited.has(file));
        const names = new Set(staying.map(({ row }) => row?.name ?? ""));
        const standing = parseShard(await head.readFile(path));
        const stay = rowsThatStay(standing, rows, names);
        months.set(path, stay);
        const leaving = Object.entries(standing).filter(([name]) => stay[name] === undefined);
        counts.push(...leaving.flatMap(([, row]) => recordedSamples(row)));
      }
      const archived: RecordBatch["archived"] = { years: { [batch.year]: year }, months, counts };
      return await batchFiles(deps, head, { files, backups: [], archived });
    },
    signal,
  });
  return outcome.type === "committed";
}

/** What a run had added to counters, told by its `status.yaml`; nothing for any other file. */
function countsOfRestore(path: string, bytes: Buffer | undefined): readonly Sample[] {
  if (!/^restores\/.*\/status\.yaml$/.test(path) || bytes === undefined) return [];
  const record = parseRestoreRecord(bytes);
  return record === undefined ? [] : recordedRestoreCounts(record);
}

function transitionOf({ year, files }: Batch): Transition {
  return { type: "archive", subject: `of ${year}: ${files.size} files` };
}
