/** A status branch as years of backups leave it (design: `backups/<namespace>/<location>/<yyyy>/<mm>/`). */
import { createHash } from "node:crypto";

/** Backups in a month of one cluster: a policy or two, hourly. */
const RECORDS_A_MONTH = 750;
const FIRST_YEAR = 2021;

export interface BackupRecord {
  readonly name: string;
  readonly folder: string;
  readonly yaml: string;
  /** Its row in the month's index.json. */
  readonly row: string;
}

/** The record number `i` of a long series; equal numbers give equal bytes. */
export function backupRecord(i: number): BackupRecord {
  const month = Math.floor(i / RECORDS_A_MONTH);
  const year = FIRST_YEAR + Math.floor(month / 12);
  const mm = String((month % 12) + 1).padStart(2, "0");
  const day = String((Math.floor(i / 24) % 28) + 1).padStart(2, "0");
  const time = `${String(i % 24).padStart(2, "0")}${String(Math.floor(i / RECORDS_A_MONTH) % 60).padStart(2, "0")}00`;
  const name = `shop-hourly-${year}${mm}${day}${time}-${i}`;
  const sha = (what: string): string => createHash("sha256").update(`${what} ${i}`).digest("hex");
  const yaml = [
    "backup:",
    `  name: ${name}`,
    "  namespace: shop",
    "  phase: Completed",
    `  started: "${year}-${mm}-${day}T00:00:00Z"`,
    `  completed: "${year}-${mm}-${day}T00:00:12Z"`,
    `  expires: "${year + 1}-${mm}-${day}T00:00:00Z"`,
    `  items: ${i % 5000}`,
    `  archiveSha256: ${sha("archive")}`,
    `  manifestSha256: ${sha("manifest")}`,
    "policy:",
    "  name: shop",
    "  schedule: hourly",
    `  revision: ${sha("revision").slice(0, 40)}`,
    "",
  ].join("\n");
  const row = JSON.stringify({ name, phase: "Completed", items: i % 5000, sha256: sha("archive") });
  return { name, folder: `backups/holdfast/default/${year}/${mm}`, yaml, row };
}

/** A month's index of these rows. */
export function monthIndex(rows: readonly string[]): string {
  return `[\n${rows.join(",\n")}\n]\n`;
}

/** Restores that a branch remembers, and how their keys lie: all in one folder, or as the product has them. */
export interface RecordedKeys {
  readonly count: number;
  readonly pathOf: (keySha256: string) => string;
}

/** One commit holding so many records, in the language of `git fast-import`. */
export function* statusBranchStream(branch: string, records: number, keys?: RecordedKeys): Generator<string> {
  yield `commit refs/heads/${branch}\ncommitter Bench <bench@example.com> 1700000000 +0000\n${data("Record backups")}`;
  const months = new Map<string, string[]>();
  for (let i = 0; i < records; i++) {
    const { folder, name, yaml, row } = backupRecord(i);
    const rows = months.get(folder);
    if (rows === undefined) months.set(folder, [row]);
    else rows.push(row);
    yield `M 100644 inline ${folder}/${name}.yaml\n${data(yaml)}`;
  }
  for (const [folder, rows] of months) yield `M 100644 inline ${folder}/index.json\n${data(monthIndex(rows))}`;
  for (let i = 0; i < (keys?.count ?? 0); i++) {
    const key = createHash("sha256").update(`key ${i}`).digest("hex");
    yield `M 100644 inline ${keys?.pathOf(key)}\n${data(`{"key":"${key}"}\n`)}`;
  }
  yield `M 100644 inline README.md\n${data("# Backups\n".repeat(200))}\ndone\n`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
