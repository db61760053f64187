import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, type Running, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

/** Longer than any test here waits: the LIST of a held backup is only ended by an abort. */
const HOLD_MS = 60_000;

interface Status {
  readonly phase?: string;
  readonly failureReason?: string;
  readonly progress?: Readonly<Record<string, number>>;
  readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
}

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

  /** Starts the loop with a backup that doesn't get past the LIST of its ConfigMaps, and waits until it is there. */
  async function startHeld(grace: string): Promise<{ readonly running: Running; readonly name: string }> {
    const shop = await cluster.createNamespace();
    const { namespace, bucket, repository } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const isHeld = (url: string): boolean => url.startsWith(`/api/v1/namespaces/${shop}/configmaps`);
    proxy.setFaults(({ url }) => (isHeld(url) ? { type: "delay", ms: HOLD_MS } : undefined));
    const running = holdfast.start(["run", "--repo", repository.path, "--interval", "1s", "--grace", grace], {
      kubeconfigPath: proxy.kubeconfigPath,
    });
    await waitUntil(async () => proxy.calls.some(({ url }) => isHeld(url)), {
      what: "the backup lists its ConfigMaps",
      timeoutMs: 30_000,
      intervalMs: 100,
    });
    const [backup] = await cluster.list("Backup", namespace);
    return { running, name: backup?.metadata.name ?? "" };
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

  it("shows until then how far it is, and what its total means", async () => {
    const { running, name } = await startHeld("1s");

    const inFlight = async (): Promise<KubeObject | undefined> => {
      const live = await cluster.get("Backup", holdfast.namespace, name);
      return statusOf(live).progress === undefined ? undefined : live;
    };
    const seen = await waitUntil(inFlight, { what: "the status has progress", timeoutMs: 60_000, intervalMs: 100 });
    running.process.kill("SIGTERM");
    await running.ended;

    const { phase, progress, conditions } = statusOf(seen);
    expect(phase).toBe("InProgress");
    expect(conditions).toContainEqual(expect.objectContaining({ type: "Reconciling", status: "True" }));
    expect(Object.keys(progress ?? {})).toEqual(
      expect.arrayContaining(["itemsBackedUp", "totalItems", "itemsPerSecond", "resourcesListed", "totalResources"]),
    );
    expect(progress?.resourcesListed).toBeLessThan(progress?.totalResources ?? 0);
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
});
