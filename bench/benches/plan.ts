import { alternate, type BenchContext, LISTS, resultOf } from "../compare.ts";
import { measure } from "../job.ts";
import type { BenchResult } from "../result.ts";
import { connectionOf } from "../testbed.ts";

/** Plan (`update`, everything equal) against bare paged LISTs. */
export async function benchPlan(context: BenchContext): Promise<BenchResult> {
  const { store } = context;
  const connection = connectionOf(await context.cluster());
  await measure({ role: "backup", connection, store, backupName: "plan" });
  const pairs = await alternate(context, {
    limit: () => measure({ role: "bare-lists", connection, width: LISTS }),
    product: () => measure({ role: "plan", connection, store, backupName: "plan" }),
  });
  context.say(`plan: ${pairs.products[0]?.note ?? ""}`);
  const limit = `bare paged LISTs (page 500, ${LISTS} in flight, identity)`;
  return resultOf(context, "plan", pairs, { limit, target: 2 });
}
