import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { cacheFolder } from "../../tools/testbed/binaries/cache-folder.ts";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import type { TestCluster } from "../support/test-cluster.ts";

const ROOT = new URL("../../", import.meta.url);
const COMPILED = join(cacheFolder(), "compiled");

/** Nobody waits for this lease, and a machine under load may take its time to renew it. */
const PATIENT_LEASE: readonly string[] = ["--lease-duration", "60s"];

/**
 * For tests in which a lease runs out: they wait for it, and until then its holder renews it within 10 s, on a busy
 * machine too.
 */
export const QUICK_LEASE: readonly string[] = ["--lease-duration", "15s"];

/** A process of `holdfast` that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running one. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunSettings {
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the cluster's own, such as a recording proxy's. */
  readonly kubeconfigPath?: string;
  /** The longest file that the process may write: longer ones meet a full disk. */
  readonly maxFileKiB?: number;
  /** What stands at its standard input. */
  readonly stdin?: string;
}

/** One installation in a namespace, a repository and a bucket folder of its own. */
export interface Installation {
  readonly namespace: string;
  readonly repository: BareRepository;
  /** Folder of the filesystem location. */
  readonly bucket: string;
  readonly cluster: string;
  /** Starts `holdfast <args>` with kubeconfig, namespace and cluster given. */
  start(args: readonly string[], settings?: RunSettings): Running;
  /** `holdfast run --repo … --once`, to its end. */
  once(settings?: RunSettings, args?: readonly string[]): Promise<Ended>;
  /** Files of the status branch. */
  record(): Promise<Record<string, string>>;
  /** Commits YAML to the watched branch; null deletes a file. */
  commit(files: Readonly<Record<string, string | null>>): Promise<string>;
}

/** How long an installation lives: for one test, or for all that look at the same one. */
export interface InstallationOptions {
  readonly per?: "test" | "file";
}

/** Installs the CRDs before the file, and gives each test an installation; what runs is killed after it. */
export function useInstallation(testCluster: TestCluster, { per = "test" }: InstallationOptions = {}): Installation {
  let current: Installation | undefined;
  let scratch = "";
  const running = new Set<Running>();
  beforeAll(async () => {
    const crds = new URL("manifests/crds/", ROOT);
    for (const file of await readdir(crds)) await testCluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
  });
  const [before, after] = per === "file" ? [beforeAll, afterAll] : [beforeEach, afterEach];
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "holdfast-e2e-"));
    current = await install(testCluster, scratch, running);
  });
  after(async () => {
    await killAll(running);
    await removeObjects(testCluster);
    await rm(scratch, { recursive: true, force: true });
  });
  return new Proxy({} as Installation, {
    get: (_target, name) => {
      if (current === undefined) throw new Error("the installation is there in tests only");
      return current[name as keyof Installation];
    },
  });
}

/** Resolves when they are gone: until then one may still write what the next test would find. */
async function killAll(running: ReadonlySet<Running>): Promise<void> {
  const all = [...running];
  for (const { process: child } of all) child.kill("SIGKILL");
  await Promise.allSettled(all.map(({ ended }) => ended));
}

/** As if the time of a process that was killed had run out, which the tests of the lease are for. */
export async function freeLease(cluster: TestCluster, { namespace }: Pick<Installation, "namespace">): Promise<void> {
  await cluster.patch("Lease", namespace, "holdfast", { spec: { holderIdentity: "" } });
}

/** A loop sees every namespace: what one test leaves, the next one would work on. */
async function removeObjects(testCluster: TestCluster): Promise<void> {
  for (const kind of ["GitSource", "RestorePlan", "Backup", "BackupPolicy", "BackupStorageLocation"]) {
    for (const { metadata } of await testCluster.list(kind)) {
      await testCluster.delete(kind, metadata.namespace, metadata.name);
    }
  }
}

async function install(testCluster: TestCluster, scratch: string, running: Set<Running>): Promise<Installation> {
  const namespace = await testCluster.createNamespace();
  const bucket = join(scratch, "bucket");
  await mkdir(bucket);
  const repository = await BareRepository.create(join(scratch, "repository.git"));
  const cluster = "testbed";

  const start = (args: readonly string[], settings: RunSettings = {}): Running => {
    const [command, ...rest] = limited([process.execPath, new URL("src/main.ts", ROOT).pathname, ...args], settings);
    const child = spawn(command, rest, {
      stdio: [settings.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: scratch,
        KUBECONFIG: settings.kubeconfigPath ?? testCluster.kubeconfigPath,
        HOLDFAST_NAMESPACE: namespace,
        HOLDFAST_CLUSTER: cluster,
        HOLDFAST_CACHE_DIR: join(scratch, "cache"),
        // Stripped of types and compiled once: by CPU time that is more than half of a start. Not where files may not grow.
        ...(settings.maxFileKiB === undefined && { NODE_COMPILE_CACHE: COMPILED }),
        ...settings.env,
      },
    });
    child.stdin?.end(settings.stdin);
    const one: Running = { process: child, ended: endOf(child).finally(() => running.delete(one)) };
    running.add(one);
    return one;
  };

  return {
    namespace,
    bucket,
    repository,
    cluster,
    start,
    once: async (settings, args = []) =>
      await start(["run", "--repo", repository.path, "--once", "--timeout", "60s", ...PATIENT_LEASE, ...args], settings)
        .ended,
    record: async () => await repository.readTree(`refs/heads/holdfast/${cluster}`),
    commit: async (files) => await repository.commit({ message: "Change the desired state", files }),
  };
}

/** POSIX counts `ulimit -f` in blocks of 512 bytes. */
function limited(command: readonly [string, ...string[]], { maxFileKiB }: RunSettings): readonly [string, ...string[]] {
  return maxFileKiB === undefined
    ? command
    : ["sh", "-c", `ulimit -f ${maxFileKiB * 2} && exec "$@"`, "sh", ...command];
}

function endOf(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A default location in a folder of the test's own. */
export function locationYaml(namespace: string, bucket: string): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupStorageLocation
metadata:
  name: main
  namespace: ${namespace}
spec:
  provider: filesystem
  filesystem:
    path: ${bucket}
  default: true
`;
}

/** A policy that backs up one namespace, once at first sight and then every hour. */
export function policyYaml(namespace: string, name: string, included: string): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  schedules:
    - name: hourly
      cron: "@every 1h"
      firstRun: Immediate
      ttl: 25h
  template:
    includedNamespaces: [${included}]
`;
}

/** A restore of one backup with \`update\`. */
export function restoreYaml(namespace: string, name: string, backup: string, extra = ""): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: RestorePlan
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  source:
    backupName: ${backup}
  existingResourcePolicy: update
${extra}`;
}
