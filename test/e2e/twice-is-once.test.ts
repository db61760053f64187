import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, type Running, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const git = useGitServer();
const RECORD = "refs/heads/holdfast/testbed";
/** A steady daemon is watched for so many looks at the branch, with a sync of the bucket beside each. */
const LOOKS = 8;

let proxy: ClusterProxy;
let hosted: HostedRepository;

beforeEach(async () => {
  hosted = await git.createRepository();
  proxy = await startClusterProxy(cluster, { keepBodies: true });
});
afterEach(() => proxy.stop());

/** Writes that reached the API server, but for the heartbeat of a leader's lease. */
function writes(): string[] {
  return proxy.calls
    .filter(({ method, url }) => method !== "GET" && !url.includes("/leases"))
    .map(({ method, url, requestBody }) => `${method} ${url} ${requestBody}`);
}

/** How often the daemon asked where the branches stand. */
function looks(): number {
  return git.calls.filter(({ url }) => url.includes("/info/refs?service=git-upload-pack")).length;
}

function pushes(): number {
  return git.calls.filter(({ method, url }) => method === "POST" && url.endsWith("/git-receive-pack")).length;
}

async function commit(files: Readonly<Record<string, string>>): Promise<void> {
  await hosted.repository.commit({ message: "Change the desired state", files });
}

/** Everything quick, so that a few seconds hold many intervals. */
function quickLocationYaml(): string {
  const { namespace, bucket } = holdfast;
  return locationYaml(namespace, bucket).replace("default: true", "default: true\n  syncPeriod: 1s");
}

/** The daemon behind the proxy, with its log. */
function startDaemon(): { readonly running: Running; log(): string } {
  const args = ["run", "--repo", hosted.url, "--interval", "1s"];
  const running = holdfast.start(args, { kubeconfigPath: proxy.kubeconfigPath });
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  return { running, log: () => log };
}

/** Waits until the daemon has written neither to the cluster nor to Git for three seconds. */
async function waitUntilSteady(): Promise<void> {
  let before = "";
  let since = Date.now();
  await waitUntil(
    async () => {
      const now = `${writes().length} ${await hosted.repository.resolve(RECORD)}`;
      if (now !== before) since = Date.now();
      before = now;
      return Date.now() - since > 3000;
    },
    { what: "the daemon has nothing left to write", timeoutMs: 60_000, intervalMs: 100 },
  );
}

describe("a daemon that has nothing to do", () => {
  it("writes nothing to the cluster and commits nothing, with a backup and an ended restore present", async () => {
    const shop = await cluster.createNamespace();
    const { namespace } = holdfast;
    const { repository } = hosted;
    const metadata = { name: "prices", namespace: shop };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { apple: "1" } });
    await commit({ "location.yaml": quickLocationYaml(), "shop.yaml": policyYaml(namespace, "shop", shop) });
    const { running, log } = startDaemon();
    await cluster.waitFor("BackupPolicy", namespace, "shop", ({ status }) =>
      JSON.stringify(status ?? {}).includes('"lastPhase":"Completed"'),
    );
    const [backup] = await cluster.list("Backup", namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
    await commit({ "restore.yaml": restoreYaml(namespace, "undo", backup?.metadata.name ?? "") });
    await cluster.waitFor("RestorePlan", namespace, "undo", ({ status }) => {
      return (status as { phase?: string } | undefined)?.phase === "Completed";
    });
    // both come after the last status of the restore
    await waitUntil(
      async () => (await readdir(holdfast.bucket, { recursive: true })).some((path) => /\/done\.json$/.test(path)),
      {
        what: "the restore is finished in the bucket",
      },
    );
    await cluster.waitFor("BackupStorageLocation", namespace, "main", ({ status }) => {
      return (status as { backups?: number } | undefined)?.backups === 2;
    });
    await waitUntilSteady();

    const head = await repository.resolve(RECORD);
    const commits = (await repository.log(RECORD)).length;
    const active = writes().length;
    proxy.forget();
    const [looked, pushed] = [looks(), pushes()];
    await waitUntil(async () => looks() >= looked + LOOKS, {
      what: "the daemon has looked at everything many times",
      timeoutMs: 60_000,
      intervalMs: 200,
    });
    const steady = writes();
    running.process.kill("SIGTERM");
    const ended = await running.ended;

    expect([active > 0, pushed > 0]).toEqual([true, true]);
    expect(steady).toEqual([]);
    expect([writes(), pushes() - pushed]).toEqual([[], 0]);
    expect([(await repository.log(RECORD)).length, await repository.resolve(RECORD)]).toEqual([commits, head]);
    expect([ended.code, ended.signal, log()].join("\n")).toMatch(/^0\n\n/);
  });
});
