/** Nothing changed: a thousand policies cost no write and no commit, whatever else they cost. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { GitSource } from "../../src/api/kinds.generated.ts";
import { createOpenGit } from "../../src/cli/open-git.ts";
import { createOpenStore, createSecretReader } from "../../src/cli/open-store.ts";
import { systemClock } from "../../src/clock.ts";
import { noFailpoints } from "../../src/failpoints.ts";
import { silentLogger } from "../../src/log.ts";
import { createLoop, type Loop } from "../../src/reconcile/loop.ts";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const POLICIES = 1000;
/** Of one converging: a busy machine takes a minute. */
const PATIENCE_MS = 300_000;
const ROOT = new URL("../../", import.meta.url);
const cluster = usePrivateCluster();
const connect = useKubeClients();
let scratch = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-scale-"));
  const crds = new URL("manifests/crds/", ROOT);
  for (const file of await readdir(crds)) await cluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function loopOn(kubeconfigPath: string, repository: BareRepository): Promise<Loop> {
  const kube = await connect(kubeconfigPath);
  const namespace = "default";
  const flagged: GitSource = {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "GitSource",
    metadata: { name: "command-line", namespace },
    spec: { url: repository.path, ref: { branch: "main" } },
  };
  const { monotonic } = systemClock;
  const system = await cluster.get("Namespace", undefined, "kube-system");
  return createLoop({
    kube,
    clock: systemClock,
    log: silentLogger,
    installation: { cluster: "scale", clusterUid: system.metadata.uid ?? "", namespace, term: 0 },
    open: {
      store: createOpenStore(kube, monotonic),
      git: createOpenGit({
        cacheDir: join(scratch, "cache"),
        clock: systemClock,
        credentials: { username: undefined, password: undefined, token: undefined },
        flagged: "default/command-line",
        readSecret: createSecretReader(kube, monotonic),
      }),
      forge: () => Promise.reject(new Error("no source here names a forge")),
    },
    flagged,
    hit: noFailpoints,
    spoolDir: join(scratch, "spool"),
    requireGit: false,
    restoreOnly: false,
    slots: 2,
    graceMs: 0,
    leadership: { lost: new AbortController().signal, stepDown: () => {}, lastLedMs: undefined },
    garbageCollectionMs: 3_600_000,
    notify: () => {},
  });
}

function policyYaml(at: number): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupPolicy
metadata:
  name: policy-${at}
spec:
  schedules:
    - name: yearly
      cron: "@yearly"
`;
}

it("a second reconcile of a thousand policies writes nothing", { timeout: 2 * PATIENCE_MS }, async () => {
  const repository = await BareRepository.create(join(scratch, "repository.git"));
  const files = Object.fromEntries(
    Array.from({ length: POLICIES }, (_each, at) => [`policies/${at}.yaml`, policyYaml(at)]),
  );
  await repository.commit({ files });
  await (await loopOn(cluster.kubeconfigPath, repository)).converge(AbortSignal.timeout(PATIENCE_MS), PATIENCE_MS);
  const head = await repository.resolve("refs/heads/holdfast/scale");
  const proxy = await startClusterProxy(cluster);
  const second = await loopOn(proxy.kubeconfigPath, repository);

  const began = performance.now();
  await second.converge(AbortSignal.timeout(PATIENCE_MS), PATIENCE_MS);
  const tookMs = Math.round(performance.now() - began);
  const writes = proxy.calls.filter(({ method }) => method !== "GET").length;
  await proxy.stop();

  console.info(`second reconcile of ${POLICIES} policies: ${tookMs} ms with the first fetch, two passes`);
  expect(await cluster.list("BackupPolicy", "default")).toHaveLength(POLICIES);
  expect([writes, await repository.resolve("refs/heads/holdfast/scale")]).toEqual([0, head]);
});
