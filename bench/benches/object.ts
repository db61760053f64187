import { type BenchContext, resultOf } from "../compare.ts";
import { type Measured, measure } from "../job.ts";
import type { BenchResult } from "../result.ts";
import { connectionOf } from "../testbed.ts";

/** What one object may take, in ms; there is no bare server to compare it with. */
const LIMIT_MS = 1_000;

/** One object out of a backup of all: the time, and the bytes read for it. */
export async function benchObject(context: BenchContext): Promise<BenchResult> {
  const { store, options, say } = context;
  const connection = connectionOf(await context.cluster());
  const backup = await measure({ role: "backup", connection, store, backupName: "object" });
  const products: Measured[] = [];
  for (let run = 1; run <= options.runs; run++)
    products.push(await measure({ role: "object", connection, store, backupName: "object" }));
  say(`object: ${products[0]?.note ?? ""}`);
  const limit = `one object in ${LIMIT_MS} ms, and less than 1% of the archive read for it`;
  const result = await resultOf(context, "object", { limits: [], products }, { limit, target: 1 });
  const readBytes = products[0]?.bytes ?? 0;
  return {
    ...result,
    objects: backup.objects ?? 0,
    limitMs: LIMIT_MS,
    ratio: Math.round((result.ms / LIMIT_MS) * 100) / 100,
    archiveBytes: backup.bytes,
    readBytes,
    readPart: readBytes / backup.bytes,
  };
}
