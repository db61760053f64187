import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, locationYaml, policyYaml, type Running, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

interface Status {
  readonly phase?: string;
  readonly failureReason?: string;
  readonly progress?: Readonly<Record<string, number>>;
  readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
}

const cli = async (...args: string[]): Promise<Ended> => await holdfast.start(args).ended;

function statusOf(backup: KubeObject): Status {
  return (backup.status ?? {}) as Status;
}

/** `<name without the slot's time> <phase> <reason of Succeeded>` of every Backup. */
async function ends(): Promise<string[]> {
  const backups = await cluster.list("Backup", holdfast.namespace);
  return backups
    .map((backup) => {
      const { phase, conditions } = statusOf(backup);
      const reason = conditions?.find(({ type }) => type === "Succeeded")?.reason;
      return `${backup.metadata.name.replace(/\d{14}/, "SLOT")} ${phase} ${reason}`;
    })
    .sort();
}

describe("a process that is stopped while it makes a backup", () => {
  let proxy: ClusterProxy;
  beforeEach(async () => {
    proxy = await startClusterProxy(cluster);
  });
  afterEach(() => proxy.stop());

  interface Held {
    readonly running: Running;
    readonly name: string;
    readonly log: () => string;
    readonly letGo: () => void;
  }

  /** Starts the loop with a backup that doesn't get past the LIST of its ConfigMaps, and waits until it is there. */
  async function startHeld(grace: string, args: readonly string[] = []): Promise<Held> {
    const shop = await cluster.createNamespace();
    const { namespace, bucket, repository } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const isHeld = (url: string): boolean => url.startsWith(`/api/v1/namespaces/${shop}/configmaps`);
    const held = Promise.withResolvers<void>();
    proxy.setFaults(async ({ url }) => {
      if (isHeld(url)) await held.promise;
      return undefined;
    });
    const running = holdfast.start(["run", "--repo", repository.path, "--interval", "1s", "--grace", grace, ...args], {
      kubeconfigPath: proxy.kubeconfigPath,
    });
    let log = "";
    running.process.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString("utf8");
    });
    await waitUntil(async () => proxy.calls.some(({ url }) => isHeld(url)), {
      what: "the backup lists its ConfigMaps",
      timeoutMs: 240_000,
      intervalMs: 100,
    });
    const [backup] = await cluster.list("Backup", namespace);
    return { running, name: backup?.metadata.name ?? "", log: () => log, letGo: held.resolve };
  }

  it("by SIGTERM leaves it Interrupted, and the next start makes its slot up once", async () => {
    const { running } = await startHeld("1s");

    running.process.kill("SIGTERM");
    const ended = await running.ended;
    const after = await ends();
    const next = await holdfast.once();
    const again = await holdfast.once();

    expect([ended.code, ended.signal]).toEqual([0, null]);
    expect(after).toEqual(["shop-hourly-SLOT Failed Interrupted"]);
    expect([next.code, again.code, next.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect(await ends()).toEqual(["shop-hourly-SLOT Failed Interrupted", "shop-hourly-SLOT-r1 Completed Completed"]);
  });

  it("by SIGTERM finishes it where the grace is long enough, and begins nothing else", async () => {
    const { running, name, log, letGo } = await startHeld("5m");
    const metadata = { name: "too-late", namespace: holdfast.namespace };

    running.process.kill("SIGTERM");
    await waitUntil(async () => log().includes("stopping: nothing new begins"), {
      what: "it has heard of the signal",
      timeoutMs: 60_000,
      intervalMs: 50,
    });
    await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec: {} });
    letGo();
    const ended = await running.ended;

    expect([ended.code, ended.signal]).toEqual([0, null]);
    expect(await ends()).toEqual(["shop-hourly-SLOT Completed Completed", "too-late undefined undefined"]);
    expect(Object.values(await holdfast.record()).join("\n")).toMatch(
      new RegExp(`name: ${name}\n.*\nphase: Completed`),
    );
  });

  it("shows until then how far it is, and what its total means", async () => {
    const { running, name } = await startHeld("1s");

    const inFlight = async (): Promise<KubeObject | undefined> => {
      const live = await cluster.get("Backup", holdfast.namespace, name);
      return statusOf(live).progress === undefined ? undefined : live;
    };
    const seen = await waitUntil(inFlight, { what: "the status has progress", timeoutMs: 60_000, intervalMs: 100 });
    const described = await cli("backup", "describe", name);
    const log = await cli("backup", "logs", name);
    running.process.kill("SIGTERM");
    await running.ended;

    const { phase, progress, conditions } = statusOf(seen);
    expect(phase).toBe("InProgress");
    expect(conditions).toContainEqual(expect.objectContaining({ type: "Reconciling", status: "True" }));
    expect(Object.keys(progress ?? {})).toEqual(
      expect.arrayContaining(["itemsBackedUp", "totalItems", "itemsPerSecond", "resourcesListed", "totalResources"]),
    );
    expect(progress?.resourcesListed).toBeLessThan(progress?.totalResources ?? 0);
    expect(described.stdout).toMatch(/^Items: +\d+ of \d+ known so far \(\d+ of \d+ resources listed\), \d+\/s/m);
    expect(described.stdout).toMatch(/^Expires: +<none>$/m);
    expect([log.code, log.stderr]).toEqual([
      1,
      expect.stringMatching(/InProgress: its log is there when it has ended/),
    ]);
  });

  it("lets a person cancel it for good, and says so", async () => {
    const { running, name } = await startHeld("1s");

    await cluster.patch("Backup", holdfast.namespace, name, {
      metadata: { annotations: { "holdfast.dev/cancel-requested": name } },
    });
    const cancelled = await cluster.waitFor("Backup", holdfast.namespace, name, (backup) => {
      return statusOf(backup).phase === "Failed";
    });
    running.process.kill("SIGTERM");
    await running.ended;
    await holdfast.once();

    expect(statusOf(cancelled).failureReason).toContain("cancelled");
    expect(await ends()).toEqual(["shop-hourly-SLOT Failed Cancelled"]);
  });

  it("runs no more at once than it may; what is cancelled while it waits never begins, and the next has its turn", async () => {
    const { running, name } = await startHeld("1s", ["--concurrency", "1"]);
    const { namespace } = holdfast;
    const phases = async (...names: string[]): Promise<(string | undefined)[]> =>
      await Promise.all(names.map(async (each) => statusOf(await cluster.get("Backup", namespace, each)).phase));
    const reach = async (each: string, phase: string): Promise<KubeObject> =>
      await cluster.waitFor("Backup", namespace, each, (backup) => statusOf(backup).phase === phase);
    for (const each of ["second", "third"]) {
      const spec = { includedNamespaces: ["default"], includedResources: ["configmaps"] };
      await cluster.create({
        apiVersion: "holdfast.dev/v1alpha1",
        kind: "Backup",
        metadata: { name: each, namespace },
        spec,
      });
      await reach(each, "Queued");
    }

    const waiting = await cli("backup", "describe", "second");
    const asked = await cli("backup", "cancel", "second");
    const second = await reach("second", "Failed");
    const meanwhile = await phases(name, "third");
    await cli("backup", "cancel", name);
    await reach("third", "Completed");
    const late = await cli("backup", "cancel", "third");
    const log = await cli("backup", "logs", "second");
    running.process.kill("SIGTERM");
    await running.ended;

    expect(waiting.stdout).toMatch(/^Not begun: +waits for a free slot \[Queued\]$/m);
    expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining("second is asked to stop")]);
    expect(statusOf(second).failureReason).toBe("cancelled before it began");
    expect(meanwhile).toEqual(["InProgress", "Queued"]);
    expect(log.stderr).toContain("is Failed (cancelled before it began), and has left no log");
    expect(late.stdout).toBe("Backup third has ended already: Completed\n");
    expect(await ends()).toEqual([
      "second Failed Cancelled",
      "shop-hourly-SLOT Failed Cancelled",
      "third Completed Completed",
    ]);
    expect(await readdir(join(holdfast.bucket, "backups"))).toEqual(["third"]);
  });
});
