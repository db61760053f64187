import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { createKubeClient } from "../../src/kube/create-client.ts";
import { createLogger } from "../../src/log.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import type { Job } from "../job.ts";

/** The product's own adapters, as `holdfast` builds them; `requests` counts exchanges with the API server, `writes` those that are no GET. */
export interface Product {
  readonly kube: KubeClient;
  readonly store: ObjectStore;
  readonly clock: typeof systemClock;
  readonly log: ReturnType<typeof createLogger>;
  requests(): number;
  writes(): number;
}

export async function openProduct(job: Job): Promise<Product> {
  let requests = 0;
  let writes = 0;
  const log = createLogger("error");
  const kube = await createKubeClient({
    kubeconfigPath: job.connection.kubeconfigPath,
    clock: systemClock,
    log,
    userAgent: "holdfast/bench",
    observe: ({ method }) => {
      requests++;
      if (method !== "GET") writes++;
    },
  });
  const store = await openStore(job);
  return { kube, store, clock: systemClock, log, requests: () => requests, writes: () => writes };
}

async function openStore({ store }: Job): Promise<ObjectStore> {
  if (store === undefined) throw new Error("this job needs a store");
  if (store.type === "fs") {
    const { FsStore } = await import("../../src/storage/fs-store.ts");
    return new FsStore(store.path);
  }
  const { S3Store } = await import("../../src/storage/s3-store.ts");
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = store;
  return new S3Store({ endpoint, region, bucket, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}
