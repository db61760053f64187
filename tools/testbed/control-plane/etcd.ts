import { get } from "node:http";
import { join } from "node:path";
import type { GuardedFolder } from "../process/guarded-folder.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";

export interface EtcdOptions {
  readonly binary: string;
  readonly folder: GuardedFolder;
  readonly clientPort: number;
  readonly peerPort: number;
}

/** Starts a one-member etcd that answers on 127.0.0.1. Not durable: it never waits for the disk. */
export async function startEtcd({ binary, folder, clientPort, peerPort }: EtcdOptions): Promise<GuardedProcess> {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return await startServer({
    name: "etcd",
    command: binary,
    args: [
      "--name=testbed",
      `--data-dir=${join(folder.path, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=testbed=${peer}`,
      "--unsafe-no-fsync",
      "--log-level=warn",
      // The default of 2 GiB is too small for a bench that creates and deletes large objects many times.
      `--quota-backend-bytes=${8 * 1024 ** 3}`,
    ],
    folder,
    ready: async () => (await statusOf(`${client}/health`)) === 200,
  });
}

async function statusOf(url: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  get(url, (response) => {
    response.resume();
    resolve(response.statusCode);
  }).on("error", reject);
  return await promise;
}
