/**
 * Servers that all test files of one `vitest run` share, started on first demand. They belong to vitest's main process;
 * workers ask it over loopback HTTP, so that two workers never start the same server and unit tests start none.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { type ControlPlane, startControlPlane } from "../../tools/testbed/control-plane/control-plane.ts";
import type { ClusterConnection } from "./test-cluster.ts";

/** What a worker is told about each shared server. All of it is JSON. */
export interface SharedServers {
  cluster: ClusterConnection;
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
  #controlPlane: Promise<ControlPlane> | undefined;

  async demand(name: string): Promise<SharedServers[SharedServerName]> {
    switch (name) {
      case "cluster":
        return describeCluster(await this.#cluster());
      default:
        throw new Error(`no shared server is called ${name}`);
    }
  }

  async stop(): Promise<void> {
    const started = [this.#controlPlane].map((server) => server?.catch(() => undefined));
    for (const server of started) await (await server)?.stop();
  }

  #cluster(): Promise<ControlPlane> {
    this.#controlPlane ??= startControlPlane();
    return this.#controlPlane;
  }
}

function describeCluster({ server, token, ca, kubeconfigPath }: ControlPlane): ClusterConnection {
  return { server, token, ca, kubeconfigPath };
}
