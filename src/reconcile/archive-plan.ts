/** What moves from the status branch to the archive branch of its year: records of what exists no more. */
import { canonicalJson } from "../api/json.ts";
import type { ShardRow, ShardRows } from "../report/backup-record.ts";
import { backupPath, monthAt } from "../report/record-paths.ts";

/** One record that moves, by the paths of its files; a backup's has its row in the month's `index.json` besides. */
export interface ArchiveMove {
  readonly files: readonly string[];
  readonly row?: { readonly shard: string; readonly name: string; readonly row: ShardRow };
}

/** This year and the last one (UTC) stay whole on the status branch. */
export function firstKeptYear(nowMs: number): number {
  return new Date(nowMs).getUTCFullYear() - 1;
}

/** The year of a month's folder or `index.json`; undefined for what is no month of ours. */
export function yearOfShard(shard: string): number | undefined {
  const month = monthAt(shard)?.month;
  return month === undefined ? undefined : Number(month.slice(0, 4));
}

/** The year in which a run was claimed, by its folder (`…/<plan>-<YYYYMMDDhhmmss>`); undefined for any other name. */
export function yearOfRun(folder: string): number | undefined {
  const [, year] = /-(\d{4})\d{10}$/.exec(folder) ?? [];
  return year === undefined ? undefined : Number(year);
}

/**
 * The backups of a month that move: those the bucket holds no more. `live` has the paths of what is still an object in
 * the cluster, which would be written again.
 */
export function backupMoves(shard: string, rows: ShardRows, live: ReadonlySet<string>): ArchiveMove[] {
  const month = monthAt(shard);
  if (month === undefined) return [];
  return Object.entries(rows).flatMap(([name, row]) => {
    const file = backupPath(month, name);
    return row.gone === true && !live.has(file) ? [{ files: [file], row: { shard, name, row } }] : [];
  });
}

/** The rows that move, by the `index.json` they stand in. */
export function movedRows(moves: readonly ArchiveMove[]): Map<string, ShardRows> {
  const shards = new Map<string, Record<string, ShardRow>>();
  for (const { row } of moves) {
    if (row === undefined) continue;
    const rows = shards.get(row.shard) ?? {};
    rows[row.name] = row.row;
    shards.set(row.shard, rows);
  }
  return shards;
}

/** A month without the rows that moved; one that reads otherwise by now, or whose file stays, is left for the next look. */
export function rowsThatStay(rows: ShardRows, moved: ShardRows, staying: ReadonlySet<string>): ShardRows {
  return Object.fromEntries(
    Object.entries(rows).filter(([name, row]) => {
      const archived = moved[name];
      return archived === undefined || staying.has(name) || canonicalJson(archived) !== canonicalJson(row);
    }),
  );
}
