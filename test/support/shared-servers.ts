/**
 * Servers that all test files of one `vitest run` share, started on first demand. They belong to vitest's main process;
 * workers ask it over loopback HTTP, so that two workers never start the same server and unit tests start none.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { type ControlPlane, startControlPlane } from "../../tools/testbed/control-plane/control-plane.ts";
import { type GiteaConnection, startGiteaServer } from "../../tools/testbed/gitea/gitea-server.ts";
import { startNodes } from "../../tools/testbed/nodes/nodes.ts";
import { type S3Connection, startS3Server } from "../../tools/testbed/s3/s3-server.ts";
import { describeCluster } from "./describe-cluster.ts";
import type { ClusterConnection } from "./test-cluster.ts";

/** What a worker is told about each shared server. All of it is JSON. */
export interface SharedServers {
  cluster: ClusterConnection;
  /** The same cluster, with nodes. */
  nodes: ClusterConnection;
  s3: S3Connection;
  /** A forge; only system tests ask for it, since its build takes minutes. */
  gitea: GiteaConnection;
}

export type SharedServerName = keyof SharedServers;

/** The demand side runs in workers; this is the supply side. */
export interface ServerPool {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the pool; no server runs until a worker asks for one. */
export async function startServerPool(): Promise<ServerPool> {
  // Built here, where no hook's timeout can cut the minutes short. Who then needs a missing one is told why.
  for (const command of ["kube-apiserver", "versitygw", "kwok"]) await findBinary(command).catch(() => undefined);
  const pool = new Pool();
  const http = createServer((request, response) => {
    const name = (request.url ?? "/").slice(1);
    pool.demand(name).then(
      (details) => response.writeHead(200).end(JSON.stringify(details)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => stopAll(http, pool) };
}

async function stopAll(http: Server, pool: Pool): Promise<void> {
  http.closeAllConnections();
  http.close();
  await pool.stop();
}

class Pool {
  readonly #started = new Map<SharedServerName, Promise<{ stop(): Promise<void> }>>();

  async demand(name: string): Promise<SharedServers[SharedServerName]> {
    switch (name) {
      case "cluster":
        return await describeCluster(await this.#cluster());
      case "nodes":
        await this.#once("nodes", async () => startNodes(await this.#cluster()));
        return await describeCluster(await this.#cluster());
      case "s3": {
        const { endpoint, region, accessKeyId, secretAccessKey } = await this.#once("s3", startS3Server);
        return { endpoint, region, accessKeyId, secretAccessKey };
      }
      case "gitea": {
        const { url, admin } = await this.#once("gitea", startGiteaServer);
        return { url, admin };
      }
      default:
        throw new Error(`no shared server is called ${name}`);
    }
  }

  /** Stops what was started last first: nodes need their cluster to the end. */
  async stop(): Promise<void> {
    for (const server of [...this.#started.values()].reverse()) {
      await (await server.catch(() => undefined))?.stop();
    }
  }

  #cluster(): Promise<ControlPlane> {
    return this.#once("cluster", startControlPlane);
  }

  #once<T extends { stop(): Promise<void> }>(name: SharedServerName, start: () => Promise<T>): Promise<T> {
    const started = this.#started.get(name) ?? start();
    this.#started.set(name, started);
    return started as Promise<T>;
  }
}
