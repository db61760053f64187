import { join } from "node:path";
import type { ControlPlane } from "../tools/testbed/control-plane/control-plane.ts";
import { createGuardedFolder } from "../tools/testbed/process/guarded-folder.ts";
import { type Job, type Measured, measure, type StoreTarget } from "./job.ts";
import type { BenchName, BenchOptions } from "./options.ts";
import { writeBodies } from "./restore-bodies.ts";
import { type BenchResult, median } from "./result.ts";
import { connectionOf, startBenchCluster } from "./testbed.ts";

/** What every bench needs: a filled cluster, a place for backups, and a voice. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly cluster: ControlPlane;
  readonly store: StoreTarget;
  /** Progress for a person. */
  readonly say: (line: string) => void;
}

/** LISTs in flight of the product (`DEFAULT_BACKUP_LIMITS.lists`), and so of its baseline. */
const LISTS = 4;
/** Among these the best width for bare POSTs is looked for. */
const POST_WIDTHS = [8, 16, 32, 64];
const POST_SAMPLE = 1_500;

/** Backup against bare paged LISTs plus gzip of their bytes. */
export async function benchBackup(context: BenchContext): Promise<BenchResult> {
  const { cluster, store } = context;
  const connection = connectionOf(cluster);
  const pairs = await alternate(context, {
    limit: () => measure({ role: "bare-lists", connection, width: LISTS, gzip: true }),
    product: (run) => measure({ role: "backup", connection, store, backupName: `bench-${run}` }),
  });
  const bytes = Math.round((pairs.limits[0]?.bytes ?? 0) / 1e6);
  const limit = `bare paged LISTs (page 500, ${LISTS} in flight, identity, ${bytes} MB) + zlib.gzip level 6 of their bytes, pipelined`;
  return resultOf(context, "backup", pairs, { limit, target: 1.5 });
}

/** Plan (`update`, everything equal) against bare paged LISTs. */
export async function benchPlan(context: BenchContext): Promise<BenchResult> {
  const { cluster, store } = context;
  const connection = connectionOf(cluster);
  await measure({ role: "backup", connection, store, backupName: "plan" });
  const pairs = await alternate(context, {
    limit: () => measure({ role: "bare-lists", connection, width: LISTS }),
    product: () => measure({ role: "plan", connection, store, backupName: "plan" }),
  });
  context.say(`plan: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare paged LISTs (page 500, ${LISTS} in flight, identity)`;
  return resultOf(context, "plan", pairs, { limit, target: 2 });
}

/** Restore into an empty cluster against bare POSTs of the same bodies at the best width; each run on a new cluster. */
export async function benchRestore(context: BenchContext): Promise<BenchResult> {
  const { cluster, store } = context;
  await measure({ role: "backup", connection: connectionOf(cluster), store, backupName: "restore" });
  const folder = await createGuardedFolder({ prefix: "holdfast-bench" });
  const bodiesFile = join(folder.path, "bodies.tsv");
  await writeBodies(connectionOf(cluster), bodiesFile);
  const post = (width: number, sample?: number) =>
    inFreshCluster((connection) =>
      measure({ role: "bare-posts", connection, width, bodiesFile, ...(sample !== undefined && { sample }) }),
    );
  const width = await bestWidth((candidate) => post(candidate, POST_SAMPLE), context.say);
  const pairs = await alternate(context, {
    limit: () => post(width),
    product: () =>
      inFreshCluster((connection) => measure({ role: "restore", connection, store, backupName: "restore" })),
  });
  await folder.remove();
  context.say(`restore: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare POSTs of the same ${pairs.limits[0]?.objects ?? 0} bodies, ${width} in flight (best of ${POST_WIDTHS.join(", ")})`;
  return resultOf(context, "restore", pairs, { limit, target: 1.3 });
}

interface Pairs {
  readonly limits: readonly Measured[];
  readonly products: readonly Measured[];
}

interface Sides {
  readonly limit: (run: number) => Promise<Measured>;
  readonly product: (run: number) => Promise<Measured>;
}

/** Baseline and product by turns, so that whatever else the machine does meets both. */
async function alternate({ options, say }: BenchContext, sides: Sides): Promise<Pairs> {
  const limits: Measured[] = [];
  const products: Measured[] = [];
  for (let run = 1; run <= options.runs; run++) {
    limits.push(await sides.limit(run));
    products.push(await sides.product(run));
    say(
      `run ${run} of ${options.runs}: limit ${Math.round(limits.at(-1)?.ms ?? 0)} ms, product ${Math.round(products.at(-1)?.ms ?? 0)} ms`,
    );
  }
  return { limits, products };
}

async function inFreshCluster(work: (connection: Job["connection"]) => Promise<Measured>): Promise<Measured> {
  const cluster = await startBenchCluster();
  try {
    return await work(connectionOf(cluster));
  } finally {
    await cluster.stop();
  }
}

async function bestWidth(post: (width: number) => Promise<Measured>, say: (line: string) => void): Promise<number> {
  let best = { width: 0, ms: Number.POSITIVE_INFINITY };
  for (const width of POST_WIDTHS) {
    const { ms } = await post(width);
    say(`bare POSTs, ${width} in flight: ${Math.round(ms)} ms for a sample`);
    if (ms < best.ms) best = { width, ms };
  }
  return best.width;
}

async function resultOf(
  context: BenchContext,
  bench: BenchName,
  { limits, products }: Pairs,
  about: { limit: string; target: number },
): Promise<BenchResult> {
  const { cluster, store, options } = context;
  const idle = await measure({ role: "idle", connection: connectionOf(cluster), store });
  const limitMs = median(limits.map((run) => run.ms));
  const ms = median(products.map((run) => run.ms));
  return {
    bench,
    objects: products[0]?.objects ?? 0,
    limitMs: Math.round(limitMs),
    ms: Math.round(ms),
    ratio: Math.round((ms / limitMs) * 100) / 100,
    rssMb: Math.max(...products.map((run) => run.rssMb)),
    idleRssMb: idle.rssMb,
    ...about,
    store: options.store,
    runs: options.runs,
    limitRunsMs: limits.map((run) => Math.round(run.ms)),
    runsMs: products.map((run) => Math.round(run.ms)),
    cpuMs: median(products.map((run) => run.cpuMs)),
    limitCpuMs: median(limits.map((run) => run.cpuMs)),
    requests: products[0]?.requests ?? 0,
    limitRequests: limits[0]?.requests ?? 0,
  };
}
