import { expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

/** In 3 s: the first delay is 125 ms at least, and each one is twice the one before. Without any it is thousands. */
const MOST_CLAIMS = 12;

it("a claim that the API server refuses is tried again later and later, and works in the end", async () => {
  const shop = await cluster.createNamespace();
  const { namespace, bucket, repository } = holdfast;
  const proxy = await startClusterProxy(cluster);
  const body = JSON.stringify({
    kind: "Status",
    status: "Failure",
    reason: "Forbidden",
    message: "not now",
    code: 403,
  });
  const isClaim = (call: { readonly method: string; readonly url: string }): boolean =>
    call.method === "PATCH" && call.url.includes("/backups/by-hand/status");
  const claims = (): number => proxy.calls.filter(isClaim).length;
  await holdfast.commit({ "location.yaml": locationYaml(namespace, bucket) });
  const running = holdfast.start(["run", "--repo", repository.path, "--interval", "1s"], {
    kubeconfigPath: proxy.kubeconfigPath,
  });
  await cluster.waitFor("BackupStorageLocation", namespace, "main", ({ status }) =>
    JSON.stringify(status ?? {}).includes('"Available"'),
  );
  proxy.setFaults((call) =>
    isClaim(call) ? { type: "answer", status: 403, headers: { "content-type": "application/json" }, body } : undefined,
  );

  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name: "by-hand", namespace },
    spec: { includedNamespaces: [shop] },
  });
  await waitUntil(async () => claims() > 0, { what: "the first claim", timeoutMs: 20_000, intervalMs: 20 });
  const until = performance.now() + 3000;
  await waitUntil(async () => performance.now() > until, { what: "time", timeoutMs: 5000, intervalMs: 100 });
  const refused = claims();
  proxy.setFaults();
  await cluster.waitFor("Backup", namespace, "by-hand", ({ status }) =>
    JSON.stringify(status ?? {}).includes('"phase":"Completed"'),
  );
  running.process.kill("SIGTERM");
  await running.ended;
  await proxy.stop();

  expect(refused).toBeLessThanOrEqual(MOST_CLAIMS);
});
