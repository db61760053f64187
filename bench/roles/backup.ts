import { runBackup } from "../../src/backup/execute.ts";
import type { Job, Work } from "../job.ts";
import { openProduct } from "./product.ts";

/** One whole backup through the engine's public function: claim, LISTs, archive, index, manifest, marker. */
export async function run(job: Job): Promise<Work> {
  const product = await openProduct(job);
  const { kube, store, clock, log } = product;
  const name = job.backupName ?? "bench";
  const system = await kube.get(
    { group: "", version: "v1", resource: "namespaces" },
    { namespace: "", name: "kube-system" },
  );

  const before = product.requests();
  const began = performance.now();
  const outcome = await runBackup(
    { kube, store, clock, log },
    {
      name,
      namespace: "holdfast",
      spec: {},
      cluster: "bench",
      storageLocation: "bench",
      claim: { token: name, term: 1, clusterUid: system?.metadata.uid ?? "" },
    },
  );
  const ms = performance.now() - began;

  if (outcome.phase !== "Completed")
    throw new Error(`the backup is ${outcome.phase}: ${JSON.stringify(outcome).slice(0, 2_000)}`);
  return {
    ms,
    objects: outcome.itemsBackedUp,
    bytes: outcome.archiveSizeBytes ?? 0,
    requests: product.requests() - before,
  };
}
