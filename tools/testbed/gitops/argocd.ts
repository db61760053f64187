/** Argo CD on this machine, as far as it syncs and heals: its application controller, its repo server and their Redis. */
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { withFreePorts } from "../process/free-port.ts";
import { createGuardedFolder, type GuardedFolder } from "../process/guarded-folder.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";
import { type Report, reportOnStderr } from "../progress.ts";

/** The namespace of its settings and its Applications. */
export const ARGO_NAMESPACE = "argocd";

/** A running Argo CD, without its API server and its pages. */
export interface ArgoCd {
  pids(): readonly number[];
  stop(): Promise<void>;
}

export interface ArgoCdOptions {
  /** Of the cluster that it runs for, which has its CRDs, its namespace and its settings. */
  readonly kubeconfigPath: string;
  readonly report?: Report;
}

interface Ports {
  readonly redis: number;
  readonly repoServer: number;
  readonly repoServerHealth: number;
  readonly controllerHealth: number;
}

const STARTS_WITHIN_MS = 120_000;

/** Starts Argo CD for a cluster, which its Applications call `https://kubernetes.default.svc`. */
export async function startArgoCd({ kubeconfigPath, report = reportOnStderr }: ArgoCdOptions): Promise<ArgoCd> {
  const [repoServer, controller] = [
    await findBinary("argocd-repo-server", { report }),
    await findBinary("argocd-application-controller", { report }),
  ];
  return await withFreePorts(4, async ([redis = 0, repo = 0, repoHealth = 0, controllerHealth = 0]) => {
    const ports: Ports = { redis, repoServer: repo, repoServerHealth: repoHealth, controllerHealth };
    const folder = await createGuardedFolder();
    const running: GuardedProcess[] = [];
    const stop = async () => {
      await Promise.all(running.map((server) => server.stop()));
      await folder.remove();
    };
    try {
      for (const start of [
        () => startRedis(folder, ports),
        () => startRepoServer(repoServer, folder, ports),
        () => startController(controller, { folder, ports, kubeconfigPath }),
      ]) {
        running.push(await start());
      }
      return { pids: () => running.map(({ pid }) => pid), stop };
    } catch (error) {
      await stop();
      throw error;
    }
  });
}

/** Debian's package `redis-server`. */
async function startRedis(folder: GuardedFolder, { redis }: Ports): Promise<GuardedProcess> {
  const where = ["--bind", "127.0.0.1", "--port", String(redis), "--dir", folder.path];
  return await startServer({
    name: "redis",
    command: "redis-server",
    args: [...where, "--save", "", "--appendonly", "no"],
    folder,
    ready: () => listens(redis),
  });
}

async function startRepoServer(command: string, folder: GuardedFolder, ports: Ports): Promise<GuardedProcess> {
  const { repoServer, repoServerHealth, redis } = ports;
  const here = ["--address", "127.0.0.1", "--metrics-address", "127.0.0.1"];
  const at = [
    "--port",
    String(repoServer),
    "--metrics-port",
    String(repoServerHealth),
    "--redis",
    `127.0.0.1:${redis}`,
  ];
  return await startServer({
    name: "argocd-repo-server",
    command,
    args: [...here, ...at, "--disable-tls", "--client-ca-path", ""],
    // its clones and its socket go with the folder
    env: {
      ...homeIn(folder),
      PATH: [await verifyWrapper(folder), process.env.PATH].join(delimiter),
      ARGOCD_ASK_PASS_SOCK: join(folder.path, "ask-pass.sock"),
      ARGOCD_GPG_ENABLED: "false",
    },
    folder,
    ready: async () => (await fetch(`http://127.0.0.1:${repoServerHealth}/healthz?full=true`)).ok,
    timeoutMs: STARTS_WITHIN_MS,
  });
}

/** What Argo CD's image has on its path, and asks for every commit, also where signatures don't matter. */
async function verifyWrapper(folder: GuardedFolder): Promise<string> {
  const bin = join(folder.path, "bin");
  await mkdir(bin);
  const script = '#!/bin/sh\ngit verify-commit "$1" 2>&1\nexit 0\n';
  await writeFile(join(bin, "git-verify-wrapper.sh"), script, { mode: 0o700 });
  return bin;
}

async function startController(
  command: string,
  at: { readonly folder: GuardedFolder; readonly ports: Ports; readonly kubeconfigPath: string },
): Promise<GuardedProcess> {
  const { redis, repoServer, controllerHealth } = at.ports;
  const peers = [
    "--redis",
    `127.0.0.1:${redis}`,
    "--repo-server",
    `127.0.0.1:${repoServer}`,
    "--repo-server-plaintext",
  ];
  // Quicker than anybody runs it. Its first back-off would let drift stand for seconds, and each one more for longer.
  const haste = ["--app-resync", "10", "--app-resync-jitter", "0", "--self-heal-backoff-timeout-seconds", "0"];
  return await startServer({
    name: "argocd-application-controller",
    command,
    args: [
      ...["--kubeconfig", at.kubeconfigPath, "--namespace", ARGO_NAMESPACE, "--metrics-port", String(controllerHealth)],
      ...peers,
      ...haste,
      ...["--self-heal-timeout-seconds", "0", "--persist-resource-health"],
    ],
    // the cluster it is in is the one of the kubeconfig
    env: { ...homeIn(at.folder), KUBECONFIG: at.kubeconfigPath, ARGOCD_FAKE_IN_CLUSTER: "true" },
    folder: at.folder,
    ready: async () => (await fetch(`http://127.0.0.1:${controllerHealth}/healthz`)).ok,
    timeoutMs: STARTS_WITHIN_MS,
  });
}

function homeIn({ path }: GuardedFolder): NodeJS.ProcessEnv {
  return { HOME: path, TMPDIR: path };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return (await new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy())) as boolean;
}
