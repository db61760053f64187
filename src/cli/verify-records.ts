/** Backups as the bucket, the cluster and Git know them, and where the three disagree. */
import type { Backup } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { isCoded } from "../errors.ts";
import { parseShard } from "../report/backup-record.ts";
import {
  type BackupEvidence,
  checkRecord,
  type ReadShard,
  type RecordProblem,
  rowsOf,
} from "../report/record-check.ts";
import { CLUSTER_PATH } from "../report/record-paths.ts";
import { parseClusterRecord } from "../report/restore-record.ts";
import { listBackups } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { type VerifyProblem, type VerifyReport, verifyBackup } from "../storage/verify-backup.ts";
import type { CliIo } from "./io.ts";
import type { ArchiveFiles, RecordFiles } from "./record-source.ts";

/** A damaged, missing or foreign backup, and what the records promised. */
export interface Verified extends Omit<VerifyReport, "problems"> {
  readonly problems: readonly (VerifyProblem | RecordProblem)[];
}

/** What Git and the cluster know. */
export interface Known {
  readonly rows: ReturnType<typeof rowsOf>;
  /** Whose record it is: of others' backups it says nothing. */
  readonly cluster: string | undefined;
  readonly hasGit: boolean;
  /** Manifest digests of the Backup objects. */
  readonly objects: ReadonlyMap<string, string>;
  /** What Git says of a backup; archived years are read for one that the record itself does not know. */
  evidence(name: string): Promise<BackupEvidence["git"]>;
}

/** Reads what Git and, unless `asksCluster` is false, the Backup objects say; rows of one location where it is known. */
export async function readKnown(
  io: CliIo,
  record: RecordFiles | undefined,
  { location, asksCluster }: { readonly location: string | undefined; readonly asksCluster: boolean },
): Promise<Known> {
  const own = record && (await readRows(record, location));
  let archives: Promise<readonly ReadRows[]> | undefined;
  const readArchives = async (): Promise<readonly ReadRows[]> =>
    await Promise.all(((await record?.archives(0)) ?? []).map(async (files) => await readRows(files, location)));
  const cluster = await record?.readFile(CLUSTER_PATH);
  return {
    rows: own?.rows ?? new Map(),
    cluster: cluster === undefined ? undefined : parseClusterRecord(cluster)?.cluster,
    hasGit: record !== undefined,
    objects: asksCluster ? await objectDigests(io) : new Map(),
    evidence: async (name) => {
      if (own?.rows.has(name) === true) return await evidenceOf(own, name);
      archives ??= readArchives();
      const holder = (await archives).find(({ rows }) => rows.has(name));
      return holder && (await evidenceOf(holder, name));
    },
  };
}

/** The rows of the record, or of one archived year. */
interface ReadRows {
  readonly files: ArchiveFiles;
  readonly rows: ReturnType<typeof rowsOf>;
}

async function evidenceOf({ files, rows }: ReadRows, name: string): Promise<BackupEvidence["git"]> {
  const row = rows.get(name);
  if (row === undefined) return undefined;
  const file = await files.readFile(row.at.replace(/index\.json$/, `${name}.yaml`));
  const fileSha256 = /^manifestSha256: "?([0-9a-f]{64})"?$/m.exec(file?.toString("utf8") ?? "")?.[1];
  return { ...row, fileSha256 };
}

async function readRows(files: ArchiveFiles, location: string | undefined): Promise<ReadRows> {
  const shards: ReadShard[] = [];
  for (const at of await files.shards()) shards.push({ at, rows: parseShard(await files.readFile(at)) });
  return { files, rows: rowsOf(shards, location) };
}

async function objectDigests(io: CliIo): Promise<Map<string, string>> {
  const kube = await io.deps().kube();
  const backups = (await kube.list(BACKUP, {
    namespace: io.options().namespace,
    signal: io.signal,
  })) as unknown as Backup[];
  return new Map(
    backups.flatMap(({ metadata, status }) =>
      status?.manifestSha256 === undefined ? [] : [[metadata.name, status.manifestSha256]],
    ),
  );
}

/** What the bucket has, and then what only the record has. */
export async function allNames(store: ObjectStore, known: Known, signal: AbortSignal): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const { name } of listBackups(store, { signal })) names.add(name);
  return [...names, ...[...known.rows.keys()].filter((name) => !names.has(name)).sort()];
}

/** Undefined for a backup that is in no bucket and need not be: it failed, or was deleted as it should be. */
export async function verifyOne(
  store: ObjectStore,
  known: Known,
  name: string,
  options: { readonly readData: boolean; readonly signal: AbortSignal },
): Promise<Verified | undefined> {
  const found = await verifyBackup(store, name, options).catch((error: unknown) => {
    if (isCoded(error, "BackupNotFound") && known.rows.has(name)) return undefined;
    throw error;
  });
  const git = await known.evidence(name);
  const isOthers = found?.cluster !== undefined && known.cluster !== undefined && found.cluster !== known.cluster;
  const evidence = {
    name,
    bucket: found && { manifestSha256: found.manifestSha256 },
    git,
    object: known.objects.get(name),
  };
  const problems = checkRecord(evidence, known.hasGit && !isOthers);
  if (found === undefined)
    return problems.length === 0 ? undefined : { ...ABSENT, name, readData: options.readData, problems };
  return { ...found, problems: [...found.problems, ...problems] };
}

const ABSENT = { madeBy: "holdfast", files: 0, items: 0, bytesRead: 0, markerSha256: "" } as const;
