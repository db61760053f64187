import { join } from "node:path";
import { createGuardedFolder } from "../../tools/testbed/process/guarded-folder.ts";
import { alternate, type BenchContext, inFreshCluster, resultOf } from "../compare.ts";
import { type Measured, measure } from "../job.ts";
import { writeBodies } from "../restore-bodies.ts";
import type { BenchResult } from "../result.ts";
import { connectionOf } from "../testbed.ts";

/** Among these the best width for bare POSTs is looked for. */
const POST_WIDTHS = [8, 16, 32, 64];
const POST_SAMPLE = 1_500;

/** Restore into an empty cluster against bare POSTs of the same bodies at the best width; each run on a new cluster. */
export async function benchRestore(context: BenchContext): Promise<BenchResult> {
  const { store } = context;
  const connection = connectionOf(await context.cluster());
  await measure({ role: "backup", connection, store, backupName: "restore" });
  const folder = await createGuardedFolder({ prefix: "holdfast-bench" });
  const bodiesFile = join(folder.path, "bodies.tsv");
  await writeBodies(connection, bodiesFile);
  const post = (width: number, sample?: number) =>
    inFreshCluster((fresh) =>
      measure({ role: "bare-posts", connection: fresh, width, bodiesFile, ...(sample !== undefined && { sample }) }),
    );
  const width = await bestWidth((candidate) => post(candidate, POST_SAMPLE), context.say);
  const pairs = await alternate(context, {
    limit: () => post(width),
    product: () =>
      inFreshCluster((fresh) => measure({ role: "restore", connection: fresh, store, backupName: "restore" })),
  });
  await folder.remove();
  context.say(`restore: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare POSTs of the same ${pairs.limits[0]?.objects ?? 0} bodies, ${width} in flight (best of ${POST_WIDTHS.join(", ")})`;
  return resultOf(context, "restore", pairs, { limit, target: 1.3 });
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
