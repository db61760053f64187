import { runBackup } from "../../src/backup/execute.ts";
import { runRestore } from "../../src/restore/execute.ts";
import { planRestore, touchedBy } from "../../src/restore/plan-restore.ts";
import type { RestoreRequest, TouchedObject } from "../../src/restore/types.ts";
import { type BackupReader, openBackup } from "../../src/storage/backup-reader.ts";
import { type Job, stopwatch, type Work } from "../job.ts";
import { openProduct, type Product } from "./product.ts";

/** One whole restore; `update` where the objects stand already, else into a cluster that holds none of them. */
export async function run(job: Job): Promise<Work> {
  const product = await openProduct(job);
  const { kube, store, clock, log } = product;
  const backupName = job.backupName ?? "bench";
  const [requests, writes] = [product.requests(), product.writes()];
  const stop = stopwatch();
  const backup = await openBackup(store, backupName);
  const spec = { source: { backupName }, existingResourcePolicy: job.update === true ? "update" : "none" } as const;
  const request: RestoreRequest = { run: job.run ?? "bench-20260101000000", spec, backup };
  const safety = job.safety === true ? await makeSafetyBackup(product, request) : undefined;
  const outcome = await runRestore(
    { kube, clock, log, store },
    { ...request, ...(safety === undefined ? {} : { safety }) },
  );
  const taken = stop();
  await backup.close();
  await safety?.close();
  if (outcome.phase !== "Completed")
    throw new Error(`the restore is ${outcome.phase}: ${JSON.stringify(outcome).slice(0, 2_000)}`);
  const { created, labelled, unchanged } = outcome.counts;
  return {
    ...taken,
    objects: created + labelled || unchanged,
    bytes: 0,
    requests: product.requests() - requests,
    writes: product.writes() - writes,
    note: JSON.stringify(outcome.counts),
  };
}

/** As the controller makes it: a plan first, then a backup of exactly what the plan will write over. */
async function makeSafetyBackup(product: Product, request: RestoreRequest): Promise<BackupReader> {
  const { kube, store, clock, log } = product;
  const objects: TouchedObject[] = [];
  for await (const item of planRestore({ kube, clock, log, store }, request)) {
    const touched = touchedBy(item);
    if (touched !== undefined) objects.push(touched);
  }
  const name = `${request.run}-safety`;
  const claim = { token: name, term: 1, clusterUid: "" };
  const outcome = await runBackup(
    { kube, store, clock, log },
    { name, namespace: "holdfast", spec: {}, cluster: "bench", storageLocation: "bench", claim, objects },
  );
  if (outcome.phase !== "Completed") throw new Error(`the safety backup is ${outcome.phase}`);
  return await openBackup(store, name);
}
