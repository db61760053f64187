import { join } from "node:path";
import { createGuardedFolder } from "../../tools/testbed/process/guarded-folder.ts";
import { alternate, type BenchContext, bestWidth, LISTS, resultOf, WIDTHS } from "../compare.ts";
import { measure } from "../job.ts";
import type { BenchName } from "../options.ts";
import { writeBodies } from "../restore-bodies.ts";
import type { BenchResult } from "../result.ts";
import { connectionOf } from "../testbed.ts";

const SAMPLE = 1_500;

/** An update where nothing differs, under a new run id each time, against bare PATCHes of the two labels. */
export async function benchUpdate(context: BenchContext): Promise<BenchResult> {
  return await compare(context, "update", false);
}

/** The same after a safety backup of every object that gets labels. */
export async function benchSafeUpdate(context: BenchContext): Promise<BenchResult> {
  return await compare(context, "update-safe", true);
}

async function compare(context: BenchContext, bench: BenchName, safety: boolean): Promise<BenchResult> {
  const { store } = context;
  const connection = connectionOf(await context.cluster());
  await measure({ role: "backup", connection, store, backupName: bench });
  const folder = await createGuardedFolder({ prefix: "holdfast-bench" });
  const bodiesFile = join(folder.path, "bodies.tsv");
  await writeBodies(connection, bodiesFile);
  const patch = (width: number, run: string, sample?: number) =>
    measure({ role: "bare-patches", connection, width, run, bodiesFile, ...(sample !== undefined && { sample }) });
  const width = await bestWidth((candidate) => patch(candidate, `sample-${candidate}`, SAMPLE), context.say);
  const pairs = await alternate(context, {
    limit: (run) => patch(width, `bare-${run}`),
    product: (run) =>
      measure({
        role: "restore",
        connection,
        store,
        backupName: bench,
        run: `${bench}-${run}`,
        update: true,
        safety,
      }),
  });
  await folder.remove();
  context.say(`${bench}: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare merge PATCHes of the two labels of ${pairs.limits[0]?.objects ?? 0} objects, ${width} in flight (best of ${WIDTHS.join(", ")})`;
  return resultOf(context, bench, pairs, { limit, target: 1.3 });
}

/** One run once more, where the labels stand already: nothing is written, and the limit is to look at everything. */
export async function benchUpdateAgain(context: BenchContext): Promise<BenchResult> {
  const { store } = context;
  const connection = connectionOf(await context.cluster());
  const backupName = "update-again";
  await measure({ role: "backup", connection, store, backupName });
  const update = () => measure({ role: "restore", connection, store, backupName, run: backupName, update: true });
  await update();
  const pairs = await alternate(context, {
    limit: () => measure({ role: "bare-lists", connection, width: LISTS }),
    product: update,
  });
  const wrote = pairs.products.find(({ writes }) => writes !== 0);
  if (wrote !== undefined) throw new Error(`a second run of the same id wrote ${wrote.writes} times: ${wrote.note}`);
  context.say(`update-again: 0 writes, ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare paged LISTs (page 500, ${LISTS} in flight, identity); 0 writes`;
  return resultOf(context, "update-again", pairs, { limit, target: 1.5 });
}
