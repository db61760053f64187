/** One measured process: moves all old years of a status branch to their archive branches, and prints what it cost. */
import { readFileSync } from "node:fs";
import { systemClock } from "../../src/clock.ts";
import { noFailpoints } from "../../src/failpoints.ts";
import { openRemote } from "../../src/git/repo.ts";
import { silentLogger } from "../../src/log.ts";
import { createGitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects } from "../../src/reconcile/live-objects.ts";
import { archiveOldYears } from "../../src/reconcile/record-archive.ts";
import { createSources } from "../../src/reconcile/sources.ts";
import type { MoveJob, MoveMeasured } from "./measure.ts";
import { OLD_YEARS_NOW } from "./old-years.ts";

const job = JSON.parse(process.argv[2] ?? "{}") as MoveJob;
const clock = { ...systemClock, now: () => OLD_YEARS_NOW };
const remote = await openRemote({ location: { url: job.url }, cacheDir: job.cacheDir, clock });
const installation = { cluster: "bench", clusterUid: "bench", namespace: "holdfast", term: 1 };
const live = createLiveObjects("holdfast");
const sources = createSources({ flagged: undefined, hasObjects: () => true, onRecord: () => {} });
sources.setRecordTarget({ namespace: "holdfast", name: "main" }, { remote, branch: job.branch });
const record = createGitRecord({ live, sources, clock, installation });

const started = performance.now();
const cpuBefore = process.cpuUsage();
const files = await archiveOldYears({
  live,
  sources,
  clock,
  installation,
  record,
  hit: noFailpoints,
  log: silentLogger,
});
const cpu = process.cpuUsage(cpuBefore);
const measured: MoveMeasured = {
  files: files ?? 0,
  ms: Math.round(performance.now() - started),
  cpuMs: Math.round((cpu.user + cpu.system) / 1000),
  peakMb: Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024),
};
await remote.close();
console.log(JSON.stringify(measured));
