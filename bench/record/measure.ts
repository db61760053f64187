/** What the record in Git costs: a commit on a long status branch, and commits under contention. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/clock.ts";
import { openRemote } from "../../src/git/repo.ts";
import { PRODUCT_ENV, PRODUCT_FLAGS } from "../job.ts";

export interface RecordJob {
  readonly url: string;
  readonly branch: string;
  readonly cacheDir: string;
  /** How many records the branch holds already. */
  readonly records: number;
  readonly commits: number;
  /** Each commit also records the key of a restore, in one folder or as the product has them. Absent: none. */
  readonly keys?: "flat" | "sharded";
}

export interface RecordMeasured {
  readonly records: number;
  readonly coldFetchMs: number;
  /** Peaks of the process's resident memory in MiB: before the cold fetch, and with it. */
  readonly idleMb: number;
  readonly coldPeakMb: number;
  /** One value for each commit. */
  readonly commitMs: readonly number[];
  /** Bytes both ways over TCP, one value for each commit. */
  readonly wireBytes: readonly number[];
  /** How far all the commits raised the resident memory above what it was after the cold fetch. */
  readonly rssGrowthMb: number;
}

/** A status branch whose old years are to move. */
export type MoveJob = Pick<RecordJob, "url" | "branch" | "cacheDir">;

export interface MoveMeasured {
  readonly files: number;
  readonly ms: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  /** Of resident memory, in MiB. */
  readonly peakMb: number;
}

/** Measures commits on a status branch, in a process of its own. */
export async function measureRecord(job: RecordJob): Promise<RecordMeasured> {
  return (await measured("./worker.ts", job)) as RecordMeasured;
}

/** Measures the move of old years, in a process of its own. */
export async function measureMove(job: MoveJob): Promise<MoveMeasured> {
  return (await measured("./move-worker.ts", job)) as MoveMeasured;
}

async function measured(script: string, job: object): Promise<unknown> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const args = ["--expose-gc", ...PRODUCT_FLAGS, file, JSON.stringify(job)];
  const env = { ...process.env, ...PRODUCT_ENV };
  const worker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const output: Buffer[] = [];
  worker.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    worker.once("close", resolve);
    worker.once("error", reject);
  });
  const text = Buffer.concat(output).toString("utf8").trim();
  if (code !== 0) throw new Error(`the record process ended with ${code}: ${text}`);
  return JSON.parse(text);
}

export interface ContentionJob {
  readonly url: string;
  readonly cacheDir: string;
  readonly writers: number;
  readonly commitsEach: number;
  /** The branch of a writer; equal names are the hard case. */
  readonly branchOf: (writer: number) => string;
}

/** Times from transition to pushed commit, in ms, sorted, of writers that never pause. */
export async function measureContention(job: ContentionJob): Promise<readonly number[]> {
  const times: number[] = [];
  const write = async (writer: number): Promise<void> => {
    const remote = await openRemote({ location: { url: job.url }, cacheDir: job.cacheDir, clock: systemClock });
    for (let i = 0; i < job.commitsEach; i++) {
      const started = performance.now();
      await remote.commitIfChanged({
        branch: job.branchOf(writer),
        files: new Map([[`clusters/${writer}/${i}.yaml`, `${writer} ${i}\n`]]),
        message: `Record ${i}`,
        author: { name: "Bench", email: "bench@example.com" },
      });
      times.push(performance.now() - started);
    }
    await remote.close();
  };
  await Promise.all(Array.from({ length: job.writers }, (_, writer) => write(writer)));
  return times.sort((a, b) => a - b);
}

/** The value that so many percent of sorted values don't exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
