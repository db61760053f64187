import type { ObjectKey } from "../../src/api/object.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { createCountingStore } from "../../src/storage/counting-store.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { type Job, stopwatch, type Work } from "../job.ts";
import { openProduct } from "./product.ts";

const RESOURCE = "configmaps";

/**
 * One ConfigMap out of a whole backup, as `backup cat` gets it: marker, manifest, one member of the index and one of the
 * archive. `bytes` is what left the store for it.
 */
export async function run(job: Job): Promise<Work> {
  const { store } = await openProduct(job);
  const backupName = job.backupName ?? "bench";
  const key = await middleKey(store, backupName);
  const counting = createCountingStore(store);

  const stop = stopwatch();
  const backup = await openBackup(counting.store, backupName);
  const row = await backup.row(RESOURCE, key);
  if (row === undefined) throw new Error(`the backup has no ${RESOURCE} ${key.namespace}/${key.name}`);
  const body = await backup.read(row);
  await backup.close();
  const taken = stop();

  const { requests, bytesRead } = counting.traffic;
  return { ...taken, objects: 1, bytes: bytesRead, note: `${body.length} bytes by ${requests} requests to the store` };
}

/** Of an object that stands in the middle of its resource, looked up before the clock runs. */
async function middleKey(store: ObjectStore, backupName: string): Promise<ObjectKey> {
  const backup = await openBackup(store, backupName);
  const members = backup.manifest?.index.filter((member) => member.resource === RESOURCE) ?? [];
  const middle = members[Math.floor(members.length / 2)];
  if (middle === undefined) throw new Error(`the backup has no ${RESOURCE}`);
  return middle;
}
