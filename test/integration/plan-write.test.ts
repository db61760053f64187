/** `holdfast plan --write`, on a backup of a real cluster: what is pinned is what the next plan finds. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BACKUP } from "../../src/api/kinds.ts";
import { planCommand } from "../../src/cli/plan.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup } from "./backup-requests.ts";
import { type Ran, runCommands } from "./run-cli.ts";

const CRDS = new URL("../../manifests/crds/", import.meta.url);
const cluster = usePrivateCluster({ controllerManager: false });
const client = useKubeClients();
let folder: string;
let kube: KubeClient;

async function plan(...argv: string[]): Promise<Ran> {
  const servers = { kube, store: new FsStore(folder), location: { namespace: "default", name: "main" } };
  return await runCommands(servers, (io) => [planCommand(io)], ["-n", "default", "plan", ...argv]);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-plan-"));
  for (const name of await readdir(CRDS)) await cluster.applyYaml(await readFile(new URL(name, CRDS), "utf8"));
  kube = await client(cluster.kubeconfigPath);
  await cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", namespace: "default" },
    data: { a: "1" },
  });
});
afterAll(async () => await rm(folder, { recursive: true }));

it("pins the backup's time and the digest of the plan, and nothing else", async () => {
  const spec = { includedNamespaces: ["default"], includedResources: ["configmaps"] };
  const { name, outcome } = await makeBackup({ kube, store: new FsStore(folder) }, backupRequest(spec));
  const made = await kube.create(BACKUP, {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name, namespace: "default" },
    spec,
  });
  const status = {
    phase: "Completed",
    startTimestamp: outcome.startTimestamp,
    policy: { name: "shop", schedule: "daily" },
  };
  await kube.patch(
    BACKUP,
    { namespace: "default", name },
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  expect(made.metadata.name).toBe(name);
  const file = join(folder, "restore.yaml");
  const text = `# bring it back
apiVersion: holdfast.dev/v1alpha1
kind: RestorePlan
metadata: { name: r, namespace: default }
spec:
  source:
    policy:
      name: shop # the newest
      schedule: daily
  existingResourcePolicy: update
  approval:
    mode: PlanDigest
`;
  await writeFile(file, text);

  const first = await plan(file, "--write");
  const pinned = await readFile(file, "utf8");
  const second = await plan(file, "--output", "json");

  expect(first).toMatchObject({ code: 0, err: expect.stringContaining("pinned spec.source.policy.asOf") });
  const digest = /planDigest: "([0-9a-f]{64})"/.exec(pinned)?.[1] ?? "none";
  expect(
    pinned
      .split("\n")
      .filter((line) => !/^ +(asOf|planDigest): "/.test(line))
      .join("\n"),
  ).toBe(text);
  expect(pinned).toContain(`asOf: "${outcome.startTimestamp}"`);
  expect(second.out).toContain(digest);
});
