import { runRestore } from "../../src/restore/execute.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { type Job, stopwatch, type Work } from "../job.ts";
import { openProduct } from "./product.ts";

/** One whole restore into a cluster where nothing of it stands, without a safety backup. */
export async function run(job: Job): Promise<Work> {
  const product = await openProduct(job);
  const { kube, store, clock, log } = product;
  const backupName = job.backupName ?? "bench";
  const before = product.requests();
  const stop = stopwatch();
  const backup = await openBackup(store, backupName);
  const outcome = await runRestore(
    { kube, clock, log, store },
    { run: "bench-20260101000000", spec: { source: { backupName } }, backup },
  );
  const taken = stop();
  await backup.close();
  if (outcome.phase !== "Completed")
    throw new Error(`the restore is ${outcome.phase}: ${JSON.stringify(outcome).slice(0, 2_000)}`);
  return {
    ...taken,
    objects: outcome.counts.created,
    bytes: 0,
    requests: product.requests() - before,
    note: JSON.stringify(outcome.counts),
  };
}
