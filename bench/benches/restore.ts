import { join } from "node:path";
import type { ControlPlane } from "../../tools/testbed/control-plane/control-plane.ts";
import { createGuardedFolder } from "../../tools/testbed/process/guarded-folder.ts";
import { alternate, type BenchContext, bestWidth, inFreshCluster, resultOf, WIDTHS } from "../compare.ts";
import { type Job, measure } from "../job.ts";
import type { BenchName } from "../options.ts";
import { writeBodies } from "../restore-bodies.ts";
import type { BenchResult } from "../result.ts";
import { connectionOf, fillCluster } from "../testbed.ts";

const SAMPLE = 1_500;
const TARGET = 1.3;

interface Variant {
  readonly bench: BenchName;
  readonly cluster: ControlPlane;
  readonly how?: Pick<Job, "safety">;
}

/** Restore into an empty cluster against bare POSTs of the same bodies at the best width; each run on a new cluster. */
export async function benchRestore(context: BenchContext): Promise<BenchResult> {
  return await compare(context, { bench: "restore", cluster: await context.cluster() });
}

/** The same after a safety backup, which has nothing to copy: the plan that says so is what it costs. */
export async function benchSafeRestore(context: BenchContext): Promise<BenchResult> {
  return await compare(context, { bench: "restore-safe", cluster: await context.cluster(), how: { safety: true } });
}

/** The same of objects that were made by server-side apply: their managed fields are put back by a second request. */
export async function benchAppliedRestore(context: BenchContext): Promise<BenchResult> {
  const cluster = await fillCluster(context.options.objects, "applied");
  try {
    return await compare(context, { bench: "restore-applied", cluster });
  } finally {
    await cluster.stop();
  }
}

async function compare(context: BenchContext, { bench, cluster, how }: Variant): Promise<BenchResult> {
  const { store } = context;
  await measure({ role: "backup", connection: connectionOf(cluster), store, backupName: bench });
  const folder = await createGuardedFolder({ prefix: "holdfast-bench" });
  const bodiesFile = join(folder.path, "bodies.tsv");
  await writeBodies(connectionOf(cluster), bodiesFile);
  const post = (width: number, sample?: number) =>
    inFreshCluster((connection) =>
      measure({ role: "bare-posts", connection, width, bodiesFile, ...(sample !== undefined && { sample }) }),
    );
  const width = await bestWidth((candidate) => post(candidate, SAMPLE), context.say);
  const pairs = await alternate(context, {
    limit: () => post(width),
    product: (run) =>
      inFreshCluster((connection) =>
        measure({ role: "restore", connection, store, backupName: bench, run: `${bench}-${run}`, ...how }),
      ),
  });
  await folder.remove();
  context.say(`${bench}: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare POSTs of the same ${pairs.limits[0]?.objects ?? 0} bodies, ${width} in flight (best of ${WIDTHS.join(", ")})`;
  return resultOf(context, bench, pairs, { limit, target: TARGET });
}
