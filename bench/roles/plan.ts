import { planRestore } from "../../src/restore/plan-restore.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { type Job, stopwatch, type Work } from "../job.ts";
import { openProduct } from "./product.ts";

/** One whole plan, `update`, of the backup against the cluster it was made of. */
export async function run(job: Job): Promise<Work> {
  const product = await openProduct(job);
  const { kube, store, clock, log } = product;
  const backupName = job.backupName ?? "bench";
  const before = product.requests();
  const stop = stopwatch();
  const backup = await openBackup(store, backupName);
  const spec = { source: { backupName }, existingResourcePolicy: "update" as const };
  const actions: Record<string, number> = {};
  for await (const item of planRestore({ kube, clock, log, store }, { run: "bench-20260101000000", spec, backup })) {
    actions[item.entry.action] = (actions[item.entry.action] ?? 0) + 1;
  }
  const taken = stop();
  await backup.close();
  const objects = Object.values(actions).reduce((sum, count) => sum + count, 0);
  return { ...taken, objects, bytes: 0, requests: product.requests() - before, note: JSON.stringify(actions) };
}
