/** The product as the Deployment runs it: built, in-cluster credentials, its user, arguments and environment. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { locationYaml, policyYaml } from "../e2e/run-fixture.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NAMESPACE = "holdfast";
const execute = promisify(execFile);

const cluster = usePrivateCluster();
const git = useGitServer({ credentials: { username: "bot", password: "secret" } });
let scratch = "";
let pod: ChildProcess | undefined;
let log = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-pod-"));
  await chmod(scratch, 0o755);
  await execute(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
    cwd: ROOT,
  });
  await kubectl("apply", "-k", ROOT);
  await kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=holdfast", "--timeout=60s");
});
afterAll(async () => {
  if (pod !== undefined) await gone(pod);
  await rm(scratch, { recursive: true, force: true });
  await rm(join(ROOT, "dist"), { recursive: true, force: true });
});

/** It writes into the folder that is removed then. */
async function gone(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill("SIGKILL");
  await once(process, "exit");
}

async function kubectl(...args: string[]): Promise<string> {
  return (await execute(await findBinary("kubectl"), ["--kubeconfig", cluster.kubeconfigPath, ...args])).stdout;
}

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** Starts what the Deployment's pod would: a mount namespace stands for the container, with the account's files in it. */
async function startPod(): Promise<void> {
  const account = join(scratch, "account");
  await mkdir(account);
  await writeFile(join(account, "token"), (await kubectl("create", "token", "holdfast", "-n", NAMESPACE)).trim());
  await writeFile(join(account, "ca.crt"), cluster.connection.ca);
  await writeFile(join(account, "namespace"), NAMESPACE);
  const deployment = (await cluster.get("Deployment", NAMESPACE, "holdfast")) as {
    spec?: { template: { spec: { containers: Container[] } } };
  };
  const [container] = deployment.spec?.template.spec.containers ?? [];
  if (container === undefined) throw new Error("the Deployment has no container");
  const { hostname, port } = new URL(cluster.server);
  const env = {
    ...Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? "main"])),
    HOLDFAST_CACHE_DIR: join(scratch, "tmp", "holdfast"),
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
  };
  await mkdir(join(scratch, "tmp"), { mode: 0o777 });
  await chmod(join(scratch, "tmp"), 0o777);
  await mkdir(join(scratch, "app"));
  const enter = `
    set -e
    mkdir -p /var/run/secrets
    mount -t tmpfs none /var/run/secrets
    mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    mount --bind "$1" /var/run/secrets/kubernetes.io/serviceaccount
    mount --bind "$2" "$3"
    mount -o remount,bind,ro "$3"
    cd "$3"
    shift 3
    exec setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs "$@"`;
  const node = join(scratch, "app", "node_modules/node/bin/node");
  const args = container.args.map((arg) => arg.replace("$(HOLDFAST_CLUSTER)", "main").replace(":8080", ":0"));
  pod = spawn(
    "unshare",
    ["--mount", "sh", "-c", enter, "sh", account, ROOT, join(scratch, "app"), node, "dist/main.js", ...args],
    { env, stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const stream of [pod.stdout, pod.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log += chunk.toString("utf8");
    });
  }
}

it("backs up with the rights, the user and the arguments of the Deployment", async () => {
  const shop = await cluster.createNamespace();
  const bucket = join(scratch, "bucket");
  await mkdir(bucket);
  await chmod(bucket, 0o777);
  const { url, repository } = await git.createRepository();
  await repository.commit({
    files: { "location.yaml": locationYaml(NAMESPACE, bucket), "shop.yaml": policyYaml(NAMESPACE, "shop", shop) },
  });
  const metadata = { name: "git", namespace: NAMESPACE };
  await cluster.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    stringData: { username: "bot", password: "secret" },
  });
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "GitSource",
    metadata: { name: "ops", namespace: NAMESPACE },
    spec: { url, interval: "1s", secretRef: { name: "git" } },
  });

  await startPod();
  const made = await waitUntil(
    async () => {
      const [backup] = await cluster.list("Backup", NAMESPACE);
      const { phase } = (backup as { status?: { phase?: string } } | undefined)?.status ?? {};
      return phase === "Completed" || pod?.exitCode !== null ? { phase } : undefined;
    },
    { what: "a completed backup", timeoutMs: 90_000 },
  );
  pod?.kill("SIGTERM");

  expect([made?.phase, log]).toEqual(["Completed", log]);
});
