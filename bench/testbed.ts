import { randomBytes } from "node:crypto";
import { type ControlPlane, startControlPlane } from "../tools/testbed/control-plane/control-plane.ts";
import { createGuardedFolder } from "../tools/testbed/process/guarded-folder.ts";
import { createBucket } from "../tools/testbed/s3/bucket.ts";
import { startS3Server } from "../tools/testbed/s3/s3-server.ts";
import type { Job, StoreTarget } from "./job.ts";
import { type Made, populate } from "./populate.ts";

/** An empty cluster of a bench's own. Without a controller manager: nothing but the bench writes to it. */
export function startBenchCluster(): Promise<ControlPlane> {
  return startControlPlane({ controllerManager: false });
}

/** A cluster of a bench's own that holds `count` objects. */
export async function fillCluster(count: number, made: Made = "created"): Promise<ControlPlane> {
  const cluster = await startBenchCluster();
  try {
    await populate(connectionOf(cluster), count, made);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** The part of a control plane that travels to a measured process. */
export function connectionOf({ server, token, ca, kubeconfigPath }: ControlPlane): Job["connection"] {
  return { server, token, ca, kubeconfigPath };
}

/** An empty place for backups. */
export interface BenchStore {
  readonly target: StoreTarget;
  stop(): Promise<void>;
}

export async function startBenchStore(type: "fs" | "s3"): Promise<BenchStore> {
  if (type === "fs") {
    const folder = await createGuardedFolder({ prefix: "holdfast-bench" });
    return { target: { type, path: folder.path }, stop: () => folder.remove() };
  }
  const server = await startS3Server();
  const bucket = `bench-${randomBytes(4).toString("hex")}`;
  await createBucket(server, bucket);
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return { target: { type, endpoint, region, bucket, accessKeyId, secretAccessKey }, stop: () => server.stop() };
}
