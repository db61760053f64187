import type { ControlPlane } from "../tools/testbed/control-plane/control-plane.ts";
import { type Job, type Measured, measure, type StoreTarget } from "./job.ts";
import type { BenchName, BenchOptions } from "./options.ts";
import { type BenchResult, median } from "./result.ts";
import { connectionOf, startBenchCluster } from "./testbed.ts";

/** What every bench needs: servers, a place for backups, and a voice. */
export interface BenchContext {
  readonly options: BenchOptions;
  /** A cluster filled with `options.objects` objects; started when a bench first asks, shared by all. */
  readonly cluster: () => Promise<ControlPlane>;
  readonly store: StoreTarget;
  /** Progress for a person. */
  readonly say: (line: string) => void;
}

/** LISTs in flight of the product (`DEFAULT_BACKUP_LIMITS.lists`), and so of its baseline. */
export const LISTS = 4;

/** Among these the best width for bare writes is looked for. */
export const WIDTHS = [8, 16, 32, 64];

/** The width at which a sample of bare writes is done first. */
export async function bestWidth(
  write: (width: number) => Promise<Measured>,
  say: (line: string) => void,
): Promise<number> {
  let best = { width: 0, ms: Number.POSITIVE_INFINITY };
  for (const width of WIDTHS) {
    const { ms } = await write(width);
    say(`bare writes, ${width} in flight: ${Math.round(ms)} ms for a sample`);
    if (ms < best.ms) best = { width, ms };
  }
  return best.width;
}

/** The runs of both sides, in their order. */
export interface Pairs {
  readonly limits: readonly Measured[];
  readonly products: readonly Measured[];
}

interface Sides {
  readonly limit: (run: number) => Promise<Measured>;
  readonly product: (run: number) => Promise<Measured>;
}

/** Baseline and product by turns, so that whatever else the machine does meets both. */
export async function alternate({ options, say }: BenchContext, sides: Sides): Promise<Pairs> {
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

/** One job on a cluster of its own, which is empty before and gone after it. */
export async function inFreshCluster(work: (connection: Job["connection"]) => Promise<Measured>): Promise<Measured> {
  const cluster = await startBenchCluster();
  try {
    return await work(connectionOf(cluster));
  } finally {
    await cluster.stop();
  }
}

/** What the runs say together, with the weight of an idle process beside it. */
export async function resultOf(
  context: BenchContext,
  bench: BenchName,
  { limits, products }: Pairs,
  about: Pick<BenchResult, "limit" | "target"> & Partial<BenchResult>,
): Promise<BenchResult> {
  const { store, options } = context;
  const idle = await measure({ role: "idle", connection: connectionOf(await context.cluster()), store });
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
    store: options.store,
    runs: options.runs,
    limitRunsMs: limits.map((run) => Math.round(run.ms)),
    runsMs: products.map((run) => Math.round(run.ms)),
    cpuMs: median(products.map((run) => run.cpuMs)),
    limitCpuMs: median(limits.map((run) => run.cpuMs)),
    workCpuMs: median(products.map((run) => run.workCpuMs)),
    limitWorkCpuMs: median(limits.map((run) => run.workCpuMs)),
    requests: products[0]?.requests ?? 0,
    limitRequests: limits[0]?.requests ?? 0,
    ...about,
  };
}
