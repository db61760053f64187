/** One measured process: fetches a status branch cold, then commits to it, and prints what each cost. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/clock.ts";
import type { BranchView, GitTraffic } from "../../src/git/remote.ts";
import { openRemote } from "../../src/git/repo.ts";
import { flatKeyPath, keyPath } from "../../src/report/record-paths.ts";
import type { RecordJob, RecordMeasured } from "./measure.ts";
import { backupRecord, monthIndex } from "./status-branch.ts";

const job = JSON.parse(process.argv[2] ?? "{}") as RecordJob;
const traffic: GitTraffic[] = [];
const remote = await openRemote({
  location: { url: job.url },
  cacheDir: job.cacheDir,
  clock: systemClock,
  onTraffic: (one) => traffic.push(one),
});

const idleMb = peakRssMb();
const coldStarted = performance.now();
await remote.fetch(job.branch);
const coldFetchMs = performance.now() - coldStarted;
const coldPeakMb = peakRssMb();

globalThis.gc?.();
resetPeak();
const beforeMb = peakRssMb();
traffic.length = 0;
const commitMs: number[] = [];
const wireBytes: number[] = [];
for (let i = 0; i < job.commits; i++) {
  const started = performance.now();
  await remote.commitIfChanged({
    branch: job.branch,
    files: (head) => transition(head, job.records + i),
    message: `Record ${i}`,
    author: { name: "Bench", email: "bench@example.com" },
  });
  commitMs.push(performance.now() - started);
  wireBytes.push(traffic.splice(0).reduce((sum, { sentBytes, receivedBytes }) => sum + sentBytes + receivedBytes, 0));
}
const measured: RecordMeasured = {
  records: job.records,
  coldFetchMs: Math.round(coldFetchMs),
  idleMb,
  coldPeakMb,
  commitMs: commitMs.map(Math.round),
  wireBytes,
  rssGrowthMb: peakRssMb() - beforeMb,
};
await remote.close();
console.log(JSON.stringify(measured));

/** What one finished backup changes: its record, its month's index, the totals and the page for people. */
async function transition(head: BranchView, number: number): Promise<Map<string, string>> {
  const { folder, name, yaml, row } = backupRecord(number);
  const index = (await head.readFile(`${folder}/index.json`))?.toString("utf8") ?? "[\n]\n";
  const rows = index.split("\n").filter((line) => line.startsWith("{"));
  return new Map([
    [`${folder}/${name}.yaml`, yaml],
    [`${folder}/index.json`, monthIndex([...rows.map((line) => line.replace(/,$/, "")), row])],
    ["index.json", `{"backups":${number + 1},"newest":"${name}"}\n`],
    ["README.md", `# Backups\n\nnewest: ${name}\n${"# Backups\n".repeat(200)}`],
    ["policies/shop/shop.yaml", `lastBackup: ${name}\n`],
    ...keyFiles(number),
  ]);
}

function keyFiles(number: number): [string, string][] {
  if (job.keys === undefined) return [];
  const key = createHash("sha256").update(`new key ${number}`).digest("hex");
  return [[(job.keys === "flat" ? flatKeyPath : keyPath)(key), `{"key":"${key}"}\n`]];
}

function peakRssMb(): number {
  const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

/** Linux: the high-water mark starts again at what is resident now (proc(5), clear_refs). */
function resetPeak(): void {
  writeFileSync("/proc/self/clear_refs", "5");
}
