import type { BenchName } from "./options.ts";
import type { ServerCounts } from "./request-counts.ts";

/** One measured bench, as the JSON line tells it. Times are medians over the runs. */
export interface BenchResult {
  readonly bench: BenchName;
  readonly objects: number;
  /** What the bare server takes for the same. */
  readonly limitMs: number;
  readonly ms: number;
  readonly ratio: number;
  /** The ratio it is held to. */
  readonly target: number;
  /** Peak of the product's process (VmHWM), and of one that has only loaded and connected. */
  readonly rssMb: number;
  readonly idleRssMb: number;
  /** What the limit was made of. */
  readonly limit: string;
  readonly store: string;
  readonly runs: number;
  /** All runs, in their order: the spread says how far to trust the median. */
  readonly limitRunsMs: readonly number[];
  readonly runsMs: readonly number[];
  /** CPU time of the whole process on all threads, its start included; of servers nothing. */
  readonly cpuMs: number;
  readonly limitCpuMs: number;
  /** The same within `ms` and `limitMs`: what a busy machine distorts least. */
  readonly workCpuMs: number;
  readonly limitWorkCpuMs: number;
  /** Exchanges of the product with the API server in one run. */
  readonly requests: number;
  readonly limitRequests: number;
  /** Bytes of the LIST answers, and of the archive made of them. */
  readonly listedBytes?: number;
  readonly archiveBytes?: number;
  /** From the start of the backup until the archive's first byte is on its way to the store. */
  readonly firstByteMs?: number;
  /** What the API server's own counters grew by in one run. */
  readonly serverCounts?: ServerCounts;
  readonly limitServerCounts?: ServerCounts;
  /** Of time over objects, from the smallest count of at least 10,000 to this one: log-log least squares. */
  readonly exponent?: number;
  readonly limitExponent?: number;
  /** Bytes read at the store, and their part of the archive's bytes. */
  readonly readBytes?: number;
  readonly readPart?: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The results as a table for a terminal of 100 columns. */
export function renderTable(results: readonly BenchResult[]): string {
  const head = ["bench", "objects", "store", "limit", "product", "ratio", "held to", "peak RSS", "idle", "requests"];
  const rows = results.map((result) => [
    result.bench,
    String(result.objects),
    result.store,
    seconds(result.limitMs),
    seconds(result.ms),
    result.ratio.toFixed(2),
    `≤ ${result.target}`,
    `${result.rssMb} MB`,
    `${result.idleRssMb} MB`,
    `${result.requests} (${result.limitRequests})`,
  ]);
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line), "", ...results.map(note)].join("\n");
}

function note(result: BenchResult): string {
  const parts = [
    `${result.bench}: limit = ${result.limit}`,
    `runs ${result.limitRunsMs.length > 0 ? `${spread(result.limitRunsMs)} against ` : ""}${spread(result.runsMs)}`,
    `CPU ${result.limitRunsMs.length > 0 ? `${seconds(result.limitWorkCpuMs)} against ` : ""}${seconds(result.workCpuMs)}`,
  ];
  if (result.firstByteMs !== undefined) parts.push(`first byte at the store after ${seconds(result.firstByteMs)}`);
  if (result.archiveBytes !== undefined) parts.push(`archive ${(result.archiveBytes / 1e6).toFixed(1)} MB`);
  if (result.readBytes !== undefined)
    parts.push(`read ${Math.round(result.readBytes / 1e3)} kB, ${((result.readPart ?? 0) * 100).toFixed(2)}% of it`);
  for (const [who, counts] of [
    ["API server counted", result.serverCounts],
    ["for the limit", result.limitServerCounts],
  ] as const) {
    if (counts !== undefined)
      parts.push(`${who} ${counts.lists} LIST, ${counts.gets} GET, ${counts.others} other, ${counts.throttled} of 429`);
  }
  if (result.exponent !== undefined)
    parts.push(`grows by an exponent of ${result.exponent.toFixed(2)} (limit ${result.limitExponent?.toFixed(2)})`);
  return parts.join("; ");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

function spread(values: readonly number[]): string {
  return `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`;
}
