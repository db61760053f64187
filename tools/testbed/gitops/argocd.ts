/** Argo CD on this machine, as far as it syncs and heals: its two controllers, its repo server and their Redis. */
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { withFreePorts } from "../process/free-port.ts";
import { createGuardedFolder, type GuardedFolder } from "../process/guarded-folder.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";

/** The namespace of its settings and its Applications. */
export const ARGO_NAMESPACE = "argocd";

/** A running Argo CD, without its API server and its pages. */
export interface ArgoCd {
  stop(): Promise<void>;
}

interface Ports {
  readonly redis: number;
  readonly repoServer: number;
  readonly repoServerHealth: number;
  readonly controllerHealth: number;
  readonly applicationSetHealth: number;
  readonly applicationSetWebhook: number;
}

/** A process of Argo CD and what it finds. */
interface Setting {
  readonly command: string;
  readonly folder: GuardedFolder;
  readonly ports: Ports;
  readonly kubeconfigPath: string;
}

const STARTS_WITHIN_MS = 120_000;

/**
 * Starts Argo CD for the cluster of a kubeconfig, which has its CRDs, its namespace and its settings. Applications call
 * that cluster `https://kubernetes.default.svc`.
 */
export async function startArgoCd(kubeconfigPath: string): Promise<ArgoCd> {
  const repoServer = await findBinary("argocd-repo-server");
  const controller = await findBinary("argocd-application-controller");
  const applicationSets = await findBinary("argocd-applicationset-controller");
  return await withFreePorts(6, async (free) => {
    const folder = await createGuardedFolder();
    const at = { folder, ports: named(free), kubeconfigPath };
    const running: GuardedProcess[] = [];
    const stop = async () => {
      await Promise.all(running.map((server) => server.stop()));
      await folder.remove();
    };
    try {
      running.push(await startRedis(folder, at.ports));
      running.push(await startRepoServer({ ...at, command: repoServer }));
      running.push(await startController({ ...at, command: controller }));
      running.push(await startApplicationSets({ ...at, command: applicationSets }));
      return { stop };
    } catch (error) {
      await stop();
      throw error;
    }
  });
}

function named([
  redis = 0,
  repoServer = 0,
  repoServerHealth = 0,
  controllerHealth = 0,
  ...more
]: readonly number[]): Ports {
  const [applicationSetHealth = 0, applicationSetWebhook = 0] = more;
  return { redis, repoServer, repoServerHealth, controllerHealth, applicationSetHealth, applicationSetWebhook };
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

async function startRepoServer({ command, folder, ports }: Setting): Promise<GuardedProcess> {
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

async function startController({ command, folder, ports, kubeconfigPath }: Setting): Promise<GuardedProcess> {
  const { redis, repoServer, controllerHealth } = ports;
  const where = [
    "--kubeconfig",
    kubeconfigPath,
    "--namespace",
    ARGO_NAMESPACE,
    "--metrics-port",
    String(controllerHealth),
  ];
  const peers = [
    "--redis",
    `127.0.0.1:${redis}`,
    "--repo-server",
    `127.0.0.1:${repoServer}`,
    "--repo-server-plaintext",
  ];
  // Quicker than anybody runs it: its back-off would let drift stand for seconds, and for longer each time.
  const heal = ["--self-heal-timeout-seconds", "0", "--self-heal-backoff-timeout-seconds", "0"];
  return await startServer({
    name: "argocd-application-controller",
    command,
    args: [...where, ...peers, ...heal, "--app-resync", "10", "--app-resync-jitter", "0", "--persist-resource-health"],
    env: inCluster(folder, kubeconfigPath),
    folder,
    ready: async () => (await fetch(`http://127.0.0.1:${controllerHealth}/healthz`)).ok,
    timeoutMs: STARTS_WITHIN_MS,
  });
}

async function startApplicationSets({ command, folder, ports, kubeconfigPath }: Setting): Promise<GuardedProcess> {
  const { repoServer, applicationSetHealth: health, applicationSetWebhook: webhook } = ports;
  const at = ["--metrics-addr", "0", "--probe-addr", `127.0.0.1:${health}`, "--webhook-addr", `127.0.0.1:${webhook}`];
  return await startServer({
    name: "argocd-applicationset-controller",
    command,
    args: [
      "--namespace",
      ARGO_NAMESPACE,
      ...at,
      "--argocd-repo-server",
      `127.0.0.1:${repoServer}`,
      "--repo-server-plaintext",
    ],
    env: inCluster(folder, kubeconfigPath),
    folder,
    ready: () => listens(health),
    timeoutMs: STARTS_WITHIN_MS,
  });
}

/** The cluster it takes itself to be in is the one of the kubeconfig. */
function inCluster(folder: GuardedFolder, kubeconfigPath: string): NodeJS.ProcessEnv {
  return { ...homeIn(folder), KUBECONFIG: kubeconfigPath, ARGOCD_FAKE_IN_CLUSTER: "true" };
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
