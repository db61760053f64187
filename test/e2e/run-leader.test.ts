import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, QUICK_LEASE, type Running, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

let proxy: ClusterProxy;
beforeEach(async () => {
  proxy = await startClusterProxy(cluster);
});
afterEach(() => proxy.stop());

function start(kubeconfigPath?: string): { readonly running: Running; readonly log: () => string } {
  const args = ["run", "--repo", holdfast.repository.path, "--interval", "1s", "--grace", "1s", ...QUICK_LEASE];
  const running = holdfast.start(args, kubeconfigPath === undefined ? {} : { kubeconfigPath });
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  return { running, log: () => log };
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseTransitions?: number;
}

async function lease(): Promise<LeaseSpec> {
  return ((await cluster.get("Lease", holdfast.namespace, "holdfast")) as { spec?: LeaseSpec }).spec ?? {};
}

interface Status {
  readonly phase?: string;
  readonly run?: { readonly term?: number };
}

function statusOf(backup: KubeObject | undefined): Status {
  return (backup?.status ?? {}) as Status;
}

async function backups(): Promise<Record<string, Status>> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return Object.fromEntries(found.map((each) => [each.metadata.name.replace(/\d{14}/, "SLOT"), statusOf(each)]).sort());
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => await isTrue(), { what, timeoutMs: 90_000, intervalMs: 100 });
}

/** Through the proxy, with a backup that doesn't get past the LIST of its ConfigMaps. */
async function startHeldLeader(): Promise<ReturnType<typeof start> & { readonly isHeld: (url: string) => boolean }> {
  const shop = await cluster.createNamespace();
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  const isHeld = (url: string): boolean => url.startsWith(`/api/v1/namespaces/${shop}/configmaps`);
  proxy.setFaults(({ url }) => (isHeld(url) ? { type: "hang" } : undefined));
  const leader = start(proxy.kubeconfigPath);
  await until("the leader's backup lists its ConfigMaps", () => proxy.calls.some(({ url }) => isHeld(url)));
  return { ...leader, isHeld };
}

describe("two processes of one installation", { timeout: 300_000 }, () => {
  it("work one at a time: the second takes over when the first is killed, and makes its slot up once", async () => {
    const first = await startHeldLeader();
    const { holderIdentity: leader = "?", leaseTransitions: term = 0 } = await lease();
    const second = start();
    await until("the second one waits", () => second.log().includes(leader));
    const whileBoth = await backups();

    first.running.process.kill("SIGKILL");
    await until("the slot is made up", async () => (await backups())["shop-hourly-SLOT-r1"]?.phase === "Completed");
    const taken = await lease();
    await until("the record is written", async () =>
      Object.keys(await holdfast.record()).some((path) => path.endsWith("-r1.yaml")),
    );
    const [commit] = await holdfast.repository.log(`refs/heads/holdfast/${holdfast.cluster}`);
    second.running.process.kill("SIGTERM");
    const ended = await second.running.ended;

    expect(whileBoth["shop-hourly-SLOT"]).toMatchObject({ phase: "InProgress", run: { term } });
    expect(taken.leaseTransitions).toBe(term + 1);
    expect(taken.holderIdentity).not.toBe(leader);
    expect(Object.entries(await backups()).map(([name, { phase, run }]) => [name, phase, run?.term])).toEqual([
      ["shop-hourly-SLOT", "Failed", term],
      ["shop-hourly-SLOT-r1", "Completed", term + 1],
    ]);
    expect(commit?.message).toContain(`Holdfast-Term: ${term + 1}`);
    expect(ended.code).toBe(0);
    expect((await lease()).holderIdentity ?? "").toBe(""); // released: the next one need not wait
  });

  it("a leader that is cut off from the lease stops and writes nothing more, and leads again later", async () => {
    const first = await startHeldLeader();
    const { leaseTransitions: term = 0 } = await lease();
    const isLease = (url: string): boolean => url.includes("/leases/holdfast");
    const healed = Promise.withResolvers<void>();
    proxy.setFaults(async ({ url }) => {
      if (isLease(url)) await healed.promise;
      return isLease(url) ? { type: "reset" } : first.isHeld(url) ? { type: "hang" } : undefined;
    });
    await until("it leads no more", () => first.log().includes("leads no more"));
    const whenLost = await backups();

    proxy.setFaults();
    healed.resolve();
    await until("the slot is made up", async () => (await backups())["shop-hourly-SLOT-r1"]?.phase === "Completed");
    first.running.process.kill("SIGTERM");
    await first.running.ended;

    expect(whenLost).toMatchObject({ "shop-hourly-SLOT": { phase: "InProgress" } });
    expect(Object.entries(await backups()).map(([name, { phase, run }]) => [name, phase, run?.term])).toEqual([
      ["shop-hourly-SLOT", "Failed", term],
      ["shop-hourly-SLOT-r1", "Completed", term + 1],
    ]);
  });

  it("--once says who leads when it may wait no longer", async () => {
    const first = await startHeldLeader();
    const { holderIdentity = "?" } = await lease();

    const ended = await holdfast.once({}, ["--timeout", "5s"]);
    first.running.process.kill("SIGTERM");
    await first.running.ended;

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`${holderIdentity} holds the lease`);
  });
});
