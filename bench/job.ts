import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BareConnection } from "./bare-client.ts";

/** What one measured process is to do. */
export interface Job {
  readonly role: "bare-lists" | "bare-posts" | "bare-patches" | "backup" | "restore" | "plan" | "object" | "idle";
  readonly connection: BareConnection & { readonly kubeconfigPath: string };
  readonly store?: StoreTarget;
  /** LISTs or POSTs in flight. */
  readonly width?: number;
  readonly gzip?: boolean;
  readonly backupName?: string;
  /** Of a restore: the value of its label, what becomes of existing objects, and whether a safety backup comes first. */
  readonly run?: string;
  readonly update?: boolean;
  readonly safety?: boolean;
  /** A file of `path<TAB>body` lines, for `bare-posts` and `bare-patches`. */
  readonly bodiesFile?: string;
  /** Use only so many of the bodies. */
  readonly sample?: number;
}

export type StoreTarget =
  | { readonly type: "fs"; readonly path: string }
  | {
      readonly type: "s3";
      readonly endpoint: string;
      readonly region: string;
      readonly bucket: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    };

/** What a role says of its own work. */
export interface Work {
  readonly ms: number;
  /** Absent where nothing is parsed that could be counted. */
  readonly objects?: number;
  readonly bytes: number;
  /** HTTP exchanges with the API server, where the role counts them. */
  readonly requests?: number;
  /** Those of them that change something. */
  readonly writes?: number;
  /** On all threads, within `ms`. */
  readonly workCpuMs: number;
  /** Until the first byte of the archive was on its way to the store. */
  readonly firstByteMs?: number;
  readonly note?: string;
}

/** Starts a stopwatch of wall and CPU time; call what it returns at the end. */
export function stopwatch(): () => Pick<Work, "ms" | "workCpuMs"> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  return () => {
    const ms = performance.now() - began;
    const used = process.cpuUsage(cpu);
    return { ms, workCpuMs: Math.round((used.user + used.system) / 1_000) };
  };
}

/** The work with what it cost the whole process, its start included. */
export interface Measured extends Work {
  /** The kernel's high-water mark. */
  readonly rssMb: number;
  /** On all threads. */
  readonly cpuMs: number;
}

/** As the image sets them (Dockerfile): V8's defaults let the heap grow far beyond what lives there, and glibc keeps as much. */
export const PRODUCT_FLAGS = ["--max-semi-space-size=8", "--heap-growing-percent=100"];
export const PRODUCT_ENV = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" };

/** Runs one job in a process of its own. */
export async function measure(job: Job): Promise<Measured> {
  const isProduct = !job.role.startsWith("bare-");
  const flags = isProduct ? PRODUCT_FLAGS : [];
  const script = fileURLToPath(new URL("./worker.ts", import.meta.url));
  const worker = spawn(process.execPath, [...flags, script, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...(isProduct && PRODUCT_ENV) },
  });
  const output: Buffer[] = [];
  worker.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    worker.once("close", resolve);
    worker.once("error", reject);
  });
  const text = Buffer.concat(output).toString().trim();
  if (code !== 0) throw new Error(`the ${job.role} process ended with ${code}: ${text}`);
  return JSON.parse(text.slice(text.lastIndexOf("\n") + 1)) as Measured;
}
