/** What the record and the bucket say of each other's backups. */
import type { ShardRow, ShardRows } from "./backup-record.ts";

/** One thing that the record, the bucket and the cluster do not agree on. */
export interface RecordProblem {
  /**
   * `record`: the bucket's manifest is not the recorded one. `tampered`: the record in Git is not the one that was
   * written. `lost`: recorded, and not in the bucket. `unrecorded`: in the bucket, and not recorded.
   */
  readonly type: "record" | "tampered" | "lost" | "unrecorded";
  readonly at: string;
  readonly message: string;
}

/** What is known of one backup. Digests are of its manifest. */
export interface BackupEvidence {
  readonly name: string;
  /** What the marker in the bucket names; undefined where the bucket has no such backup, or one of Velero's. */
  readonly bucket: { readonly manifestSha256: string | undefined } | undefined;
  /** The row of the month's index, and the digest in the backup's own file beside it. */
  readonly git: { readonly at: string; readonly row: ShardRow; readonly fileSha256: string | undefined } | undefined;
  /** `status.manifestSha256` of the Backup object. */
  readonly object: string | undefined;
}

/** Judges one backup. Where two of three agree, the third is named. `hasGit`: whether a record was read at all. */
export function checkRecord({ name, bucket, git, object }: BackupEvidence, hasGit: boolean): RecordProblem[] {
  if (bucket === undefined) {
    if (git === undefined || git.row.gone === true || git.row.manifestSha256 === undefined) return [];
    const message = `recorded as ${git.row.phase}, and the bucket has no backup ${name}: it was deleted by other means than Holdfast's`;
    return [{ type: "lost", at: git.at, message }];
  }
  const { manifestSha256 } = bucket;
  if (manifestSha256 === undefined) return [];
  if (git === undefined)
    return hasGit ? [unrecorded(name), ...ofObject(manifestSha256, object)] : ofObject(manifestSha256, object);
  const { row, fileSha256, at } = git;
  const inside: RecordProblem[] =
    row.manifestSha256 === fileSha256
      ? []
      : [
          {
            type: "tampered",
            at,
            message: `the index has the manifest ${row.manifestSha256 ?? "none"}, the backup's own file ${fileSha256 ?? "none"}: one of them was changed by hand`,
          },
        ];
  if (row.manifestSha256 === manifestSha256) return [...inside, ...ofObject(manifestSha256, object)];
  if (object === manifestSha256 || fileSha256 === manifestSha256) {
    const witness = object === manifestSha256 ? "the Backup object" : "the backup's own file";
    const message = `the index has the manifest ${row.manifestSha256 ?? "none"}, the bucket and ${witness} have ${manifestSha256}: the index in Git was changed`;
    return [{ type: "tampered", at, message }];
  }
  return [...inside, replaced(at, row.manifestSha256, manifestSha256)];
}

function ofObject(manifestSha256: string, object: string | undefined): RecordProblem[] {
  return object === undefined || object === manifestSha256
    ? []
    : [replaced("the Backup object", object, manifestSha256)];
}

function replaced(at: string, recorded: string | undefined, found: string): RecordProblem {
  const message = `it recorded the manifest ${recorded ?? "none"}, the bucket has ${found}: the whole backup was replaced`;
  return { type: "record", at, message };
}

function unrecorded(name: string): RecordProblem {
  const message = `the bucket has ${name}, and the record knows nothing of it: made by somebody else, or its row was removed`;
  return { type: "unrecorded", at: "the record", message };
}

/** A month's index as it was read: rows by backup, and where they stand. */
export interface ReadShard {
  readonly at: string;
  readonly rows: ShardRows;
}

/** Rows by backup name of one location, `namespace/name`; of all where it is not known. */
export function rowsOf(
  shards: readonly ReadShard[],
  location: string | undefined,
): Map<string, { at: string; row: ShardRow }> {
  const rows = new Map<string, { at: string; row: ShardRow }>();
  for (const { at, rows: month } of shards) {
    if (location !== undefined && !at.includes(`backups/${location}/`)) continue;
    for (const [name, row] of Object.entries(month)) rows.set(name, { at, row });
  }
  return rows;
}
