import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { type Ended, type Running, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const shop = useBackedUpShop(cluster, holdfast);

/** Longer than any test here waits: the held write is only ended by an abort. */
const HOLD_MS = 60_000;

describe("a restore that is stopped while it writes", () => {
  let proxy: ClusterProxy;
  beforeEach(async () => {
    proxy = await startClusterProxy(cluster);
  });
  afterEach(() => proxy.stop());

  /** Starts the loop with a restore whose one patch never gets through, and waits until it is sent. */
  async function startHeld(): Promise<Running> {
    await holdfast.commit({ "undo.yaml": restoreYaml(holdfast.namespace, "undo", shop.backup) });
    const isHeld = ({ method, url }: { method: string; url: string }): boolean =>
      method === "PATCH" && url.startsWith(`/api/v1/namespaces/${shop.namespace}/configmaps/prices`);
    proxy.setFaults((call) => (isHeld(call) ? { type: "delay", ms: HOLD_MS, next: { type: "reset" } } : undefined));
    const running = holdfast.start(
      ["run", "--repo", holdfast.repository.path, "--interval", "1s", "--grace", "1s", "--lease-duration", "8s"],
      { kubeconfigPath: proxy.kubeconfigPath },
    );
    await waitUntil(async () => proxy.calls.some(isHeld), {
      what: "the restore patches prices",
      timeoutMs: 90_000,
      intervalMs: 100,
    });
    return running;
  }

  const cli = async (...args: string[]): Promise<Ended> => await holdfast.start(args).ended;

  it("by a person ends for good and says so; what it wrote stays, and the commands tell it", async () => {
    const running = await startHeld();

    const asked = await cli("restore", "cancel", "undo");
    await waitUntil(async () => ready(await shop.statusOf("undo"))?.reason === "Cancelled", {
      what: "the restore is cancelled",
      timeoutMs: 60_000,
      intervalMs: 100,
    });
    running.process.kill("SIGTERM");
    await running.ended;
    const status = await shop.statusOf("undo");
    const [got, described, logs] = [
      await cli("restore", "get"),
      await cli("restore", "describe", "undo"),
      await cli("restore", "logs", "undo"),
    ];
    await holdfast.once();

    expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining(status.run?.id ?? "no run")]);
    expect([status.phase, await shop.prices()]).toEqual(["PartiallyFailed", { apple: "2" }]);
    expect(got.stdout).toMatch(/^undo +\S+ +PartiallyFailed/m);
    expect(described.stdout).toMatch(/^Ready: +True \(Cancelled\)/m);
    expect(logs.stdout).toMatch(/the restore was cancelled/);
    expect(ready(await shop.statusOf("undo"))?.reason).toBe("Cancelled");
  });

  it("by SIGTERM is finished by the next start as the same run", async () => {
    const running = await startHeld();
    const before = await shop.statusOf("undo");

    running.process.kill("SIGTERM");
    await running.ended;
    const stopped = await shop.statusOf("undo");
    const next = await holdfast.once();

    const after = await shop.statusOf("undo");
    expect([stopped.phase, stopped.run?.id]).toEqual(["InProgress", before.run?.id]);
    expect([next.code, next.stderr].join("\n")).toMatch(/^0\n/);
    expect([after.phase, after.run?.id, await shop.prices()]).toEqual(["Completed", before.run?.id, { apple: "1" }]);
  });
});
