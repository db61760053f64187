import { alternate, type BenchContext, LISTS, resultOf } from "../compare.ts";
import { measure } from "../job.ts";
import { countsBetween, type ServerCounts, serverCounts } from "../request-counts.ts";
import { type BenchResult, median } from "../result.ts";
import { connectionOf } from "../testbed.ts";

/** Backup against bare paged LISTs plus gzip of their bytes; `prefix` begins the names of the backups. */
export async function benchBackup(context: BenchContext, prefix = "bench-"): Promise<BenchResult> {
  const { store } = context;
  const connection = connectionOf(await context.cluster());
  const counts: { limit?: ServerCounts; product?: ServerCounts } = {};
  const counted = async <T>(side: keyof typeof counts, work: () => Promise<T>): Promise<T> => {
    const before = await serverCounts(connection);
    const done = await work();
    counts[side] ??= countsBetween(before, await serverCounts(connection));
    return done;
  };
  const pairs = await alternate(context, {
    limit: () => counted("limit", () => measure({ role: "bare-lists", connection, width: LISTS, gzip: true })),
    product: (run) =>
      counted("product", () => measure({ role: "backup", connection, store, backupName: `${prefix}${run}` })),
  });
  const listedBytes = pairs.limits[0]?.bytes ?? 0;
  const limit = `bare paged LISTs (page 500, ${LISTS} in flight, identity, ${Math.round(listedBytes / 1e6)} MB) + zlib.gzip level 6 of their bytes, pipelined`;
  return resultOf(context, "backup", pairs, {
    limit,
    target: 1.5,
    listedBytes,
    archiveBytes: pairs.products[0]?.bytes ?? 0,
    firstByteMs: Math.round(median(pairs.products.map((run) => run.firstByteMs ?? Number.NaN))),
    ...(counts.product && { serverCounts: counts.product }),
    ...(counts.limit && { limitServerCounts: counts.limit }),
  });
}
