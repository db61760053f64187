/** The record in Git: it has no bare counterpart, so limits here are absolute (design §9). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flatKeyPath, keyPath } from "../../src/report/record-paths.ts";
import { type GitServer, startGitServer } from "../../tools/testbed/git/git-server.ts";
import { measureMove, measureRecord, percentile } from "../record/measure.ts";
import { oldYearsStream } from "../record/old-years.ts";
import { type RecordedKeys, statusBranchStream } from "../record/status-branch.ts";
import { measureTransitions } from "../record/transitions.ts";

const RECORDS = 50_000;
const COMMITS = 20;
const BRANCH = "holdfast/bench";

/** One line of the bench. */
export interface RecordLine {
  readonly what: string;
  readonly value: string;
  readonly limit: string;
}

/** Measures ten clusters at once, the first move of old years, and commits on a long branch with keys in one folder and in many. */
export async function* benchRecord(say: (line: string) => void): AsyncGenerator<RecordLine, void, void> {
  const server = await startGitServer();
  const cacheDir = await mkdtemp(join(tmpdir(), "holdfast-bench-record-"));
  try {
    yield* await tenClusters(server, cacheDir, say);
    yield* await firstMove(server, cacheDir, say);
    yield* await longBranch(server, cacheDir, { count: RECORDS, pathOf: keyPath }, "keys in 256 folders", say);
    yield* await longBranch(server, cacheDir, { count: RECORDS, pathOf: flatKeyPath }, "keys in one folder", say);
  } finally {
    await server.stop();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

async function longBranch(
  server: GitServer,
  cacheDir: string,
  keys: RecordedKeys,
  how: string,
  say: (line: string) => void,
): Promise<RecordLine[]> {
  say(`record: ${COMMITS} commits on a branch of ${RECORDS} records and as many keys, ${how}`);
  const isFlat = keys.pathOf === flatKeyPath;
  const { url, repository } = await server.createRepository(isFlat ? "flat" : "sharded");
  await repository.git(["fast-import", "--quiet", "--done"], [...statusBranchStream(BRANCH, RECORDS, keys)].join(""));
  const job = {
    url,
    branch: BRANCH,
    cacheDir,
    records: RECORDS,
    commits: COMMITS,
    keys: isFlat ? "flat" : "sharded",
  } as const;
  const { commitMs, wireBytes, rssGrowthMb, coldFetchMs } = await measureRecord(job);
  const times = commitMs.toSorted((a, b) => a - b);
  const at = `${RECORDS} records, ${how}`;
  return [
    { what: `commit, ${at}`, value: `p50 ${percentile(times, 50)} ms, p95 ${percentile(times, 95)} ms`, limit: "2 s" },
    { what: `on the wire, ${at}`, value: `${Math.max(...wireBytes)} bytes`, limit: "64 kB" },
    { what: `RSS growth, ${at}`, value: `${rssGrowthMb} MB`, limit: "64 MB" },
    { what: `cold fetch, ${at}`, value: `${coldFetchMs} ms`, limit: "none" },
  ];
}

async function firstMove(server: GitServer, cacheDir: string, say: (line: string) => void): Promise<RecordLine[]> {
  say(`record: ${RECORDS} records of old years move to their archive branches`);
  const { url, repository } = await server.createRepository("old");
  await repository.git(["fast-import", "--quiet", "--done"], [...oldYearsStream(BRANCH, RECORDS)].join(""));
  const { files, ms, cpuMs, peakMb } = await measureMove({ url, branch: BRANCH, cacheDir });
  const what = `first move of ${files} old records`;
  return [
    { what, value: `${Math.round(ms / 1000)} s, CPU ${Math.round(cpuMs / 1000)} s`, limit: "none" },
    { what: `peak RSS, ${what}`, value: `${peakMb} MB`, limit: "none" },
  ];
}

async function tenClusters(server: GitServer, cacheDir: string, say: (line: string) => void): Promise<RecordLine[]> {
  say("record: ten clusters, 20 transitions each, one every 500 ms");
  const { url } = await server.createRepository("clusters");
  const { times, commits } = await measureTransitions({ url, cacheDir, clusters: 10, transitions: 20, everyMs: 500 });
  const value = `p50 ${Math.round(percentile(times, 50))} ms, p95 ${Math.round(percentile(times, 95))} ms`;
  return [
    { what: `transition to pushed commit, ${times.length} of ten clusters`, value, limit: "p95 5 s" },
    { what: "commits they took", value: `${commits}`, limit: "none" },
  ];
}
