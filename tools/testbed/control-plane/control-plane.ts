/** A Kubernetes control plane on this machine: etcd, API server, controller manager. No scheduler, no nodes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { withFreePorts } from "../process/free-port.ts";
import { createGuardedFolder, type GuardedFolder } from "../process/guarded-folder.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import type { ApiConnection } from "./api-call.ts";
import { servingCertificate, startApiServer } from "./api-server.ts";
import { startControllerManager } from "./controller-manager.ts";
import { type Credentials, writeCredentials } from "./credentials.ts";
import { startEtcd } from "./etcd.ts";
import { writeKubeconfig } from "./kubeconfig.ts";

export interface ControlPlaneOptions {
  /** On by default. Without it namespaces never end, nothing is collected, and pods need no service account. */
  readonly controllerManager?: boolean;
  /** The API server of the next minor release, for what must hold on a server newer than we are. */
  readonly newerApiServer?: boolean;
  readonly apiServerArgs?: readonly string[];
  readonly controllerManagerArgs?: readonly string[];
}

/** A running control plane, reached as a member of `system:masters`. */
export interface ControlPlane extends ApiConnection {
  readonly kubeconfigPath: string;
  /** Holds certificates, logs and data; gone after `stop()` or with this process. */
  readonly folder: GuardedFolder;
  /** Kills the API server; etcd and the address stay. */
  killApiServer(): Promise<void>;
  /** Starts it again at the same address, with the same data and certificate. */
  startApiServer(): Promise<void>;
  /** The pids of the servers that run now. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** Starts a control plane of its own in about three seconds (minutes, if it must be built first). */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries: Binaries = {
    etcd: await findBinary("etcd"),
    apiServer: await findBinary(options.newerApiServer === true ? "kube-apiserver-newer" : "kube-apiserver"),
    controllerManager: options.controllerManager === false ? undefined : await findBinary("kube-controller-manager"),
  };
  return await withFreePorts(3, async ([port = 0, etcdPort = 0, peerPort = 0]) => {
    const folder = await createGuardedFolder();
    const credentials = await writeCredentials(folder.path);
    const controlPlane = new LocalControlPlane({ binaries, options, port, etcdPort, folder, credentials });
    try {
      await controlPlane.start(peerPort);
      return controlPlane;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  });
}

interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllerManager: string | undefined;
}

interface Setup {
  readonly binaries: Binaries;
  readonly options: ControlPlaneOptions;
  readonly port: number;
  readonly etcdPort: number;
  readonly folder: GuardedFolder;
  readonly credentials: Credentials;
}

class LocalControlPlane implements ControlPlane {
  readonly #setup: Setup;
  readonly #running = new Map<keyof Binaries, GuardedProcess>();
  readonly server: string;
  readonly token: string;
  readonly kubeconfigPath: string;
  readonly folder: GuardedFolder;
  /** Known once the API server has signed its certificate. */
  ca = "";

  constructor(setup: Setup) {
    this.#setup = setup;
    this.folder = setup.folder;
    this.server = `https://127.0.0.1:${setup.port}`;
    this.token = setup.credentials.adminToken;
    this.kubeconfigPath = join(setup.folder.path, "kubeconfig");
  }

  async start(peerPort: number): Promise<void> {
    const { binaries, etcdPort: clientPort, folder, credentials, options } = this.#setup;
    // Together: the API server takes a second to get as far as etcd, and waits for it.
    const starts = await Promise.allSettled([
      startEtcd({ binary: binaries.etcd, folder, clientPort, peerPort }).then((etcd) =>
        this.#running.set("etcd", etcd),
      ),
      this.startApiServer(),
    ]);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    this.ca = await readFile(servingCertificate(folder.path).certFile, "utf8");
    await writeKubeconfig(this.kubeconfigPath, this);
    if (binaries.controllerManager === undefined) return;
    const manager = await startControllerManager({
      binary: binaries.controllerManager,
      folder,
      kubeconfigPath: this.kubeconfigPath,
      serviceAccountKeyFile: credentials.serviceAccountKeyFile,
      args: options.controllerManagerArgs ?? [],
    });
    this.#running.set("controllerManager", manager);
  }

  async killApiServer(): Promise<void> {
    await this.#running.get("apiServer")?.stop();
    this.#running.delete("apiServer");
  }

  async startApiServer(): Promise<void> {
    const { binaries, options, ...setup } = this.#setup;
    const server = await startApiServer({
      ...setup,
      binary: binaries.apiServer,
      serviceAccounts: binaries.controllerManager !== undefined,
      args: options.apiServerArgs ?? [],
    });
    this.#running.set("apiServer", server);
  }

  pids(): readonly number[] {
    return [...this.#running.values()].map((server) => server.pid);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((server) => server.stop()));
    await this.folder.remove();
  }
}
