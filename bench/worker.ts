/**
 * One measured process: it does one job, measures itself and prints one JSON line. Baseline and product run in processes
 * of their own, so that neither pays for the other's memory or warm code.
 */
import { readFileSync } from "node:fs";
import type { Job, Measured, Work } from "./job.ts";

type Role = (job: Job) => Promise<Work>;

/** Imported by need: what a role does not use must not count in its memory. */
const ROLES: Readonly<Record<Job["role"], () => Promise<{ run: Role }>>> = {
  "bare-lists": () => import("./roles/bare-lists.ts"),
  "bare-posts": () => import("./roles/bare-posts.ts"),
  "bare-patches": () => import("./roles/bare-patches.ts"),
  backup: () => import("./roles/backup.ts"),
  restore: () => import("./roles/restore.ts"),
  plan: () => import("./roles/plan.ts"),
  object: () => import("./roles/object.ts"),
  idle: () => import("./roles/idle.ts"),
};

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const { run } = await ROLES[job.role]();
const measured = await run(job);
const cpu = process.cpuUsage();
const cpuMs = Math.round((cpu.user + cpu.system) / 1_000);
console.log(JSON.stringify({ ...measured, rssMb: peakRssMb(), cpuMs } satisfies Measured));
process.exit(0);

/** The kernel's own high-water mark of this process. */
function peakRssMb(): number {
  const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}
