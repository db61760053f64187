import type { BenchContext } from "../compare.ts";
import type { BenchResult } from "../result.ts";
import { fillCluster } from "../testbed.ts";
import { benchBackup } from "./backup.ts";

/** Below this the start of everything counts for more than the objects do. */
const FROM_OBJECTS = 10_000;

/** Backups of several counts, each in a cluster of its own, and how their time grows with the count. */
export async function benchGrowth(context: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const count of context.options.counts) {
    context.say(`growth: ${count} objects`);
    const cluster = await fillCluster(count);
    try {
      const prefix = `growth-${count}-`;
      results.push({ ...(await benchBackup({ ...context, cluster: async () => cluster }, prefix)), bench: "growth" });
    } finally {
      await cluster.stop();
    }
  }
  return results.map((result, index) => {
    const upTo = results.slice(0, index + 1).filter(({ objects }) => objects >= FROM_OBJECTS);
    if (upTo.length < 2) return result;
    return {
      ...result,
      exponent: slope(upTo.map(({ objects, ms }) => [objects, ms])),
      limitExponent: slope(upTo.map(({ objects, limitMs }) => [objects, limitMs])),
    };
  });
}

/** Of the straight line through the logarithms of the points, by least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const along = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const across = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return Math.round((along / across) * 100) / 100;
}
