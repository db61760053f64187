/** A status branch whose records are all of years long past and of backups that are gone, as the product writes them. */
import { type BackupRecord, backupRecordText, mergeShard, monthOf, shardText } from "../../src/report/backup-record.ts";
import { backupPath, shardPath } from "../../src/report/record-paths.ts";

/** Backups in a month of one cluster: a policy or two, hourly. */
const RECORDS_A_MONTH = 750;
/** The last of 50,000 began in July 2024, in the seventh year. */
const FIRST_YEAR = 2019;
/** The moment at which all of them are old. */
export const OLD_YEARS_NOW = Date.parse("2026-11-20T10:00:00Z");

/** One commit of so many records, in the language of `git fast-import`. */
export function* oldYearsStream(branch: string, records: number): Generator<string> {
  yield `commit refs/heads/${branch}\ncommitter Bench <bench@example.com> 1700000000 +0000\n${data("Record backups")}`;
  for (let first = 0; first < records; first += RECORDS_A_MONTH) {
    const count = Math.min(RECORDS_A_MONTH, records - first);
    const month = Array.from({ length: count }, (_, index) => goneBackup(first + index));
    for (const record of month) yield file(backupPath(monthOf(record), record.name), backupRecordText(record));
    const at = monthOf(month[0] as BackupRecord);
    yield file(shardPath(at), shardText(at, mergeShard({}, month)));
  }
  yield "done\n";
}

function goneBackup(i: number): BackupRecord {
  const month = Math.floor(i / RECORDS_A_MONTH);
  const hour = i % RECORDS_A_MONTH; // none of the months has so many: the last day of each is a busy one
  const day = Math.min(28, Math.floor(hour / 24) + 1);
  const started = new Date(Date.UTC(FIRST_YEAR, month, day, hour % 24)).toISOString().replace(/\.000Z$/, "Z");
  return {
    name: `shop-hourly-${started.replace(/[^0-9]/g, "")}-${i}`,
    namespace: "shop",
    cluster: "bench",
    location: { namespace: "holdfast", name: "default" },
    phase: "Completed",
    started,
    completed: started,
    expires: started,
    items: i % 5000,
    archiveSizeBytes: 1_000_000 + i,
    manifestSha256: i.toString(16).padStart(64, "7"),
    policy: { name: "shop", namespace: "shop", schedule: "hourly", revision: i.toString(16).padStart(40, "5") },
    gone: true,
  };
}

function file(path: string, text: string): string {
  return `M 100644 inline ${path}\n${data(text)}`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
