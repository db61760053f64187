import type { BenchName } from "./options.ts";

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
  /** Exchanges of the product with the API server in one run. */
  readonly requests: number;
  readonly limitRequests: number;
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
  const notes = results.map(
    (result) =>
      `${result.bench}: limit = ${result.limit}; runs ${spread(result.limitRunsMs)} against ${spread(result.runsMs)}`,
  );
  return [line(head), ...rows.map(line), "", ...notes].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

function spread(values: readonly number[]): string {
  return `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`;
}
