/** What a backup keeps of the resource policy that it was made by, on a real API server and in a real bucket. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { createBoundClaim } from "../support/bound-claim.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useS3 } from "../support/use-s3.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, keysOf, type MadeBackup, makeBackup } from "./backup-requests.ts";
import { type Ran, runBackupCli } from "./run-cli.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const s3 = useS3();
let kube: KubeClient;
let store: S3Store;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
  const { endpoint, accessKeyId, secretAccessKey } = s3.connection;
  store = new S3Store({ bucket: await s3.createBucket(), endpoint, credentials: { accessKeyId, secretAccessKey } });
});

const holdfast = async (...argv: string[]): Promise<Ran> => await runBackupCli({ kube, store }, argv);

async function describeJson(name: string): Promise<{ readonly manifest?: Readonly<Record<string, unknown>> }> {
  return JSON.parse((await holdfast("backup", "describe", name, "-o", "json")).out);
}

async function createPolicy(namespace: string, name: string, text: string): Promise<void> {
  const data = { "policy.yaml": `version: v1\n${text}` };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });
}

/** The description's lines from the one that begins like this, to the empty one. */
function sectionOf(text: string, begin: string): string[] {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => line.startsWith(begin));
  return from < 0 ? [] : lines.slice(from, lines.indexOf("", from));
}

const EVERYTHING = `volumePolicies:
- conditions: {storageClass: [scratch], capacity: "0,1Gi"}
  action: {type: skip}
includeExcludePolicy:
  excludedNamespaceScopedResources: [events]
namespacedFilterPolicies:
- namespaces: ["shop-*"]
  resourceFilters:
  - {kinds: [ConfigMap], labelSelector: {matchLabels: {release: 1.10}}}
clusterScopedFilterPolicy:
  resourceFilters:
  - {kinds: [ClusterRole], names: ["shop-*"]}
`;

describe("the policy that a backup names", () => {
  it("is told as it was, whatever became of its ConfigMap", async () => {
    const home = await cluster.createNamespace();
    await createPolicy(home, "shop", EVERYTHING);
    const resourcePolicy = { kind: "configmap", name: "shop" };
    const request = backupRequest({ includedNamespaces: [home], resourcePolicy }, { namespace: home });
    const { name, outcome } = await makeBackup({ kube, store }, request);
    await cluster.delete("ConfigMap", home, "shop");

    const { out } = await holdfast("backup", "describe", name);
    const { manifest } = await describeJson(name);

    expect(outcome.phase).toBe("Completed");
    expect(sectionOf(out, "Policy map")).toEqual([
      `Policy map:   ConfigMap ${home}/shop`,
      "  Kinds of which the spec says nothing:",
      "    - namespaced excluded events",
      "  In namespaces shop-*, only:",
      "    - ConfigMap: labels release=1.10",
      "  Of cluster-scoped kinds:",
      "    - ClusterRole: names shop-*",
      "  Volumes, by the first that fits:",
      "    - skip: storageClass scratch; capacity 0,1Gi",
    ]);
    expect(manifest?.resourcePolicy).toEqual({
      namespace: home,
      name: "shop",
      content: {
        version: "v1",
        volumePolicies: [{ conditions: { storageClass: ["scratch"], capacity: "0,1Gi" }, action: { type: "skip" } }],
        includeExcludePolicy: { excludedNamespaceScopedResources: ["events"] },
        namespacedFilterPolicies: [
          {
            namespaces: ["shop-*"],
            resourceFilters: [{ kinds: ["ConfigMap"], labelSelector: { matchLabels: { release: "1.10" } } }],
          },
        ],
        clusterScopedFilterPolicy: { resourceFilters: [{ kinds: ["ClusterRole"], names: ["shop-*"] }] },
      },
    });
  });

  it("is a name and no more where Velero made the backup", async () => {
    const bucket = mkdtempSync(join(tmpdir(), "holdfast-policy-"));
    const recorded = join(import.meta.dirname, "../testdata/velero/23-volume-policies/backup");
    cpSync(recorded, join(bucket, "backups/s23-backup"), { recursive: true });

    const { out, code } = await holdfast("backup", "describe", "s23-backup", "--dir", bucket);
    rmSync(bucket, { recursive: true });

    expect(code).toBe(0);
    expect(sectionOf(out, "Policy map")).toEqual([
      "Policy map:   ConfigMap velero/s23-policy",
      "              What it said is not recorded here: see what it says now.",
    ]);
  });
});

describe("the volume policies of every backup", () => {
  const ruleOf = (storageClass: string, action: string): string =>
    `- {conditions: {storageClass: [${storageClass}]}, action: {type: ${action}}}\n`;

  async function backupOf(namespace: string, own?: string): Promise<MadeBackup> {
    const spec = { includedNamespaces: [namespace], includedResources: ["pvc"] };
    const resourcePolicy = own === undefined ? {} : { resourcePolicy: { kind: "configmap", name: own } };
    const globalVolumePolicies = { namespace, name: "global" };
    return await makeBackup(
      { kube, store },
      backupRequest({ ...spec, ...resourcePolicy }, { namespace, globalVolumePolicies }),
    );
  }

  it("decide where those of the backup's own policy say nothing", async () => {
    const namespace = await cluster.createNamespace();
    await Promise.all(
      ["fast", "scratch", "other"].map((storageClass) => createBoundClaim(cluster, { namespace, storageClass })),
    );
    await createPolicy(namespace, "own", `volumePolicies:\n${ruleOf("fast", "custom")}`);
    await createPolicy(namespace, "global", `volumePolicies:\n${ruleOf("fast, scratch", "skip")}`);

    const both = await backupOf(namespace, "own");
    const alone = await backupOf(namespace);
    const { out } = await holdfast("backup", "describe", both.name);
    const { manifest } = await describeJson(alone.name);

    const reasons = ({ outcome }: MadeBackup): string[] =>
      outcome.unprotectedVolumes.map(({ name, reason }) => `${name}: ${reason.slice(0, 20)}`).sort();
    expect(reasons(both)).toEqual([
      "fast: left to another tool",
      "other: Holdfast archives th",
      "scratch: skipped by the volum",
    ]);
    expect(reasons(alone)).toEqual([
      "fast: skipped by the volum",
      "other: Holdfast archives th",
      "scratch: skipped by the volum",
    ]);
    expect([both.outcome.phase, both.outcome.warnings]).toEqual(["Completed", 1]);
    expect(sectionOf(out, "Global map")).toEqual([
      `Global map:   ConfigMap ${namespace}/global`,
      "              What it says of volumes comes after the policy map.",
      "  Volumes, by the first that fits:",
      "    - skip: storageClass fast, scratch",
    ]);
    expect(manifest).toMatchObject({
      globalVolumePolicies: { namespace, name: "global", content: { volumePolicies: [{ action: { type: "skip" } }] } },
    });
    expect(await both.file("marker")).toMatchObject({
      metadata: { annotations: { "velero.io/global-backup-volume-policy-configmap": "global" } },
    });
  });

  it("refuse a backup where their ConfigMap is gone or wrong by then", async () => {
    const namespace = await cluster.createNamespace();

    const gone = await backupOf(namespace);
    await createPolicy(namespace, "global", `volumePolicies:\n${ruleOf("fast", "snapshot")}`);
    const wrong = await backupOf(namespace);

    expect([gone.outcome.phase, gone.outcome.validationErrors]).toEqual([
      "FailedValidation",
      [expect.stringMatching(`^global volume policies: ConfigMap ${namespace}/global not found: `)],
    ]);
    expect(wrong.outcome.validationErrors).toEqual([
      expect.stringMatching(`ConfigMap ${namespace}/global: volumePolicies\\[0\\] has the action snapshot: `),
    ]);
    expect(await keysOf(store, `backups/${gone.name}/`)).toEqual([]);
  });
});
