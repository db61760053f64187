import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { FluxStandIn, installFlux, kustomization } from "../support/flux-stand-in.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ready, useBackedUpShop } from "./restore-fixture.ts";
import { type Ended, type Running, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const shop = useBackedUpShop(cluster, holdfast);

describe("a restore that is stopped while it writes", () => {
  let proxy: ClusterProxy;
  beforeEach(async () => {
    proxy = await startClusterProxy(cluster);
  });
  afterEach(() => proxy.stop());

  type Held = (call: { readonly method: string; readonly url: string }) => boolean;
  const PRICES = "/configmaps/prices";
  const isWrite: Held = ({ method, url }) => method === "PATCH" && url.includes(PRICES);

  /** Starts the loop with a restore, or its undo, of which one request never gets through, and waits until that is sent. */
  async function startHeld(
    isHeld: Held = isWrite,
    yaml = restoreYaml(holdfast.namespace, "undo", shop.backup),
  ): Promise<Running> {
    await holdfast.commit({ "undo.yaml": yaml });
    // for good: only an abort ends it
    proxy.setFaults((call) => (isHeld(call) ? { type: "hang" } : undefined));
    const running = holdfast.start(["run", "--repo", holdfast.repository.path, "--interval", "1s", "--grace", "1s"], {
      kubeconfigPath: proxy.kubeconfigPath,
    });
    await waitUntil(async () => proxy.calls.some(isHeld), {
      what: "the restore is held",
      timeoutMs: 90_000,
      intervalMs: 100,
    });
    return running;
  }

  const untilCancelled = async (name: string): Promise<void> => {
    await waitUntil(async () => ready(await shop.statusOf(name))?.reason === "Cancelled", {
      what: "the restore is cancelled",
      timeoutMs: 60_000,
      intervalMs: 100,
    });
  };

  const cli = async (...args: string[]): Promise<Ended> => await holdfast.start(args).ended;

  it("by a person ends for good and says so; what it wrote stays, and the commands tell it", async () => {
    const running = await startHeld();

    const asked = await cli("restore", "cancel", "undo");
    await untilCancelled("undo");
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

  it("by a person before it writes ends for good too", async () => {
    const running = await startHeld(({ method, url }) => method === "GET" && url.includes(PRICES));

    const asked = await cli("restore", "cancel", "undo");
    await untilCancelled("undo");
    proxy.setFaults();
    running.process.kill("SIGTERM");
    await running.ended;
    const status = await shop.statusOf("undo");
    await holdfast.once();

    expect([asked.code, status.phase, status.safetyBackup]).toEqual([0, "PartiallyFailed", undefined]);
    expect([await shop.prices(), await shop.statusOf("undo")]).toMatchObject([
      { apple: "2" },
      { phase: "PartiallyFailed", run: { id: status.run?.id } },
    ]);
  });

  it("by a person ends an undo for good", async () => {
    await holdfast.commit({ "undo.yaml": restoreYaml(holdfast.namespace, "undo", shop.backup) });
    await holdfast.once();
    const run = (await shop.statusOf("undo")).run?.id;
    const back = `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata:\n  name: back\n  namespace: ${holdfast.namespace}\nspec:\n  source:\n    undoOf: ${run}\n`;
    const running = await startHeld(isWrite, `${restoreYaml(holdfast.namespace, "undo", shop.backup)}---\n${back}`);

    await cli("restore", "cancel", "back");
    await untilCancelled("back");
    running.process.kill("SIGTERM");
    await running.ended;
    await holdfast.once();

    expect([(await shop.statusOf("back")).phase, await shop.prices()]).toEqual(["PartiallyFailed", { apple: "1" }]);
  });

  it("tells in its status how far it is, an undo too", async () => {
    const copied = `${shop.namespace}-copy`;
    const yaml = restoreYaml(
      holdfast.namespace,
      "copy",
      shop.backup,
      `  namespaceMapping:\n    ${shop.namespace}: ${copied}\n`,
    );
    await holdfast.commit({ "undo.yaml": yaml });
    await holdfast.once();
    const back = `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata:\n  name: back\n  namespace: ${holdfast.namespace}\nspec:\n  source:\n    undoOf: ${(await shop.statusOf("copy")).run?.id}\n`;
    const isLast: Held = ({ method, url }) =>
      method === "DELETE" && url.includes(`/namespaces/${copied}`) && !url.includes("/configmaps/");

    const running = await startHeld(isLast, `${yaml}---\n${back}`);
    const progress = await waitUntil(async () => (await shop.statusOf("back")).progress, {
      what: "the undo says how far it is",
      timeoutMs: 60_000,
      intervalMs: 100,
    });
    running.process.kill("SIGTERM");
    await running.ended;
    proxy.setFaults();
    await holdfast.once();

    expect(progress).toEqual({ totalItems: 2, itemsRestored: 1 });
    expect(await shop.statusOf("back")).toMatchObject({
      phase: "Completed",
      progress: { totalItems: 2, itemsRestored: 2 },
    });
  });

  it("by a person lets the owners go on that it has paused", async () => {
    await installFlux(cluster);
    const flux = await cluster.createNamespace();
    await cluster.create(kustomization(flux, "apps"));
    const metadata = { name: "prices", namespace: shop.namespace };
    const manifests = [{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { apple: "2" } }];
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests }]).reconcile();
    const suspended = async (): Promise<unknown> =>
      ((await cluster.get("Kustomization", flux, "apps")).spec as { suspend?: boolean }).suspend;
    await startHeld();

    const whileHeld = await suspended();
    await cli("restore", "cancel", "undo");
    await untilCancelled("undo");

    expect([whileHeld, await suspended()]).toEqual([true, undefined]);
    expect((await cluster.get("Kustomization", flux, "apps")).metadata.annotations).not.toHaveProperty(
      "holdfast.dev/paused",
    );
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
