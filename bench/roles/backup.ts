import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { Readable } from "node:stream";
import { runBackup } from "../../src/backup/execute.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { type Job, stopwatch, type Work } from "../job.ts";
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
  let firstByteMs: number | undefined;
  const watched = watchFirstByte(store, backupKeys(name).archive, () => {
    firstByteMs ??= performance.now() - began;
  });
  const stop = stopwatch();
  const outcome = await runBackup(
    { kube, store: watched, clock, log },
    {
      name,
      namespace: "holdfast",
      spec: {},
      cluster: "bench",
      storageLocation: "bench",
      claim: { token: name, term: 1, clusterUid: system?.metadata.uid ?? "" },
    },
  );
  const taken = stop();

  if (outcome.phase !== "Completed")
    throw new Error(`the backup is ${outcome.phase}: ${JSON.stringify(outcome).slice(0, 2_000)}`);
  return {
    ...taken,
    objects: outcome.itemsBackedUp,
    bytes: outcome.archiveSizeBytes ?? 0,
    requests: product.requests() - before,
    ...(firstByteMs !== undefined && { firstByteMs }),
  };
}

/** S3: the first request that carries a part of the archive. A folder: the first bytes that the store takes to write them. */
function watchFirstByte(store: ObjectStore, archive: string, onFirst: () => void): ObjectStore {
  subscribe("http.client.request.start", (message) => {
    const { method, path } = (message as { request: ClientRequest }).request;
    if (method === "PUT" && decodeURIComponent(path).split("?")[0]?.endsWith(`/${archive}`) === true) onFirst();
  });
  const put: ObjectStore["put"] = (key, body, options) => {
    if (key === archive && body instanceof Readable && store.location.startsWith("file:"))
      body.once("readable", onFirst);
    return store.put(key, body, options);
  };
  return new Proxy(store, {
    get(target, field) {
      if (field === "put") return put;
      const value: unknown = Reflect.get(target, field);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
