import type { Job, Work } from "../job.ts";
import { openProduct } from "./product.ts";

/** What the product weighs before it has done anything: loaded, connected, one small answer read. */
export async function run(job: Job): Promise<Work> {
  const { kube } = await openProduct(job);
  await kube.getPath("/version");
  return { ms: 0, workCpuMs: 0, objects: 0, bytes: 0 };
}
