/**
 * A lease that is lost in the middle of a restore: nothing more is written, and whoever leads next ends the same run and
 * lets the paused owner go on.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { IncomingCall } from "../../tools/testbed/http/fault.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { installFlux, kustomization } from "../support/flux-stand-in.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, QUICK_LEASE, restoreYaml, useInstallation } from "./run-fixture.ts";
import { currentVersion, phaseOf, writesSince } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const NAMES = Array.from({ length: 40 }, (_, index) => `price-${String(index).padStart(2, "0")}`);
/** So many of them are written when the lease is lost. */
const WRITTEN = 20;

const FLUX = "flux";
const OWNED = { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": FLUX };

let proxy: ClusterProxy;
beforeEach(async () => {
  proxy = await startClusterProxy(cluster);
});
afterEach(() => proxy.stop());

async function owner(): Promise<{ readonly suspend: unknown; readonly isRecorded: boolean }> {
  const { spec, metadata } = await cluster.get("Kustomization", FLUX, "apps");
  const isRecorded = metadata.annotations?.["holdfast.dev/paused"] !== undefined;
  return { suspend: (spec as { suspend?: boolean }).suspend, isRecorded };
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => await isTrue(), { what, timeoutMs: 90_000, intervalMs: 100 });
}

/** As another process would that believed the holder dead: it leads for one lease, and is never heard of again. */
async function takeLease(): Promise<void> {
  const { spec } = await cluster.get("Lease", holdfast.namespace, "holdfast");
  const { leaseTransitions } = spec as { leaseTransitions: number };
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  await cluster.patch("Lease", holdfast.namespace, "holdfast", {
    spec: { holderIdentity: "somebody-else", leaseTransitions: leaseTransitions + 1, renewTime },
  });
}

it("by another holder in mid-restore: the run stands still, and the next leader ends it, each object written once", {
  timeout: 300_000,
}, async () => {
  const shop = await cluster.createNamespace();
  const { namespace, bucket, repository } = holdfast;
  await installFlux(cluster);
  await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: FLUX } });
  await cluster.create(kustomization(FLUX, "apps", { suspend: false }));
  for (const name of NAMES) {
    const metadata = { name, namespace: shop, labels: OWNED };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { name } });
  }
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  for (const name of NAMES) await cluster.delete("ConfigMap", shop, name);
  const version = await currentVersion(cluster, shop);
  await holdfast.commit({ "back.yaml": restoreYaml(namespace, "back", backup) });
  let creates = 0;
  const isCreate = ({ method, url }: IncomingCall): boolean =>
    method === "POST" && url.startsWith(`/api/v1/namespaces/${shop}/configmaps`);
  proxy.setFaults((call) => (isCreate(call) && ++creates > WRITTEN ? { type: "hang" } : undefined));
  const answered = (): number => proxy.calls.filter((call) => isCreate(call) && call.status === 201).length;

  const args = ["run", "--repo", repository.path, "--interval", "1s", "--grace", "1s", ...QUICK_LEASE];
  const running = holdfast.start(args, { kubeconfigPath: proxy.kubeconfigPath });
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  await until("half of it is written", () => creates > WRITTEN && answered() === WRITTEN);
  await takeLease();
  await until("it leads no more", () => log.includes("leads no more"));
  const between = await owner();
  const lost = await cluster.get("RestorePlan", namespace, "back");
  const writtenThen = Object.keys(await writesSince(cluster, shop, version)).filter((name) => NAMES.includes(name));
  proxy.setFaults();
  await until(
    "it is restored",
    async () => phaseOf(await cluster.get("RestorePlan", namespace, "back")) !== "InProgress",
  );
  running.process.kill("SIGTERM");
  await running.ended;

  const runOf = (plan: typeof lost): { id: string; term: number } =>
    (plan.status as { run: { id: string; term: number } }).run;
  const ended = await cluster.get("RestorePlan", namespace, "back");
  expect(log).toContain("somebody-else holds it");
  expect(phaseOf(lost)).toBe("InProgress");
  expect([between, await owner()]).toEqual([
    { suspend: true, isRecorded: true },
    { suspend: false, isRecorded: false },
  ]);
  expect(writtenThen).toHaveLength(WRITTEN);
  expect([phaseOf(ended), runOf(ended).id, runOf(ended).term]).toEqual([
    "Completed",
    runOf(lost).id,
    runOf(lost).term + 2,
  ]);
  const { "kube-root-ca.crt": _labelled, ...writes } = await writesSince(cluster, shop, version);
  expect(writes).toEqual(Object.fromEntries(NAMES.map((name) => [name, ["ADDED"]])));
});
