import { readdir, readFile } from "node:fs/promises";
import { PutObjectCommand, PutObjectRetentionCommand } from "@aws-sdk/client-s3";
import { beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { reconcileBackup } from "../../src/reconcile/backup-reconciler.ts";
import type { ReconcileDeps } from "../../src/reconcile/deps.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { reconcileDeps } from "../support/reconcile-deps.ts";
import { useS3 } from "../support/use-s3.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const connect = useKubeClients();
const s3 = useS3();

beforeAll(async () => {
  const crds = new URL("../../manifests/crds/", import.meta.url);
  for (const file of await readdir(crds)) await cluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
});

it.each([
  ["its marker", "backups/kept/velero-backup.json"],
  ["its archive", "backups/kept/kept.tar.gz"],
])(
  "a backup of which Object Lock keeps %s stays whole, says until when, and goes after that",
  async (_what, lockedKey) => {
    const namespace = await cluster.createNamespace();
    const bucket = await s3.createBucket({ objectLock: true });
    const files = ["backups/kept/kept.tar.gz", "backups/kept/velero-backup.json"];
    for (const Key of files) {
      await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "{}", ChecksumAlgorithm: "CRC32" }));
    }
    const { endpoint, region, accessKeyId, secretAccessKey } = s3.connection;
    const store = new S3Store({ bucket, endpoint, region, credentials: { accessKeyId, secretAccessKey } });
    const deps = await depsWith(namespace, store);
    await put(deps, "BackupStorageLocation", "main", { provider: "s3", s3: { bucket } }, { phase: "Available" });
    await put(deps, "Backup", "kept", {}, { phase: "Completed", cluster: "testbed", storageLocation: "main" });
    const ask = { metadata: { annotations: { "holdfast.dev/delete-requested": "kept" } } };
    deps.live.put((await cluster.patch("Backup", namespace, "kept", ask)) as never);

    const Retention = { Mode: "COMPLIANCE", RetainUntilDate: new Date(Date.now() + 30_000) } as const;
    await s3.client.send(new PutObjectRetentionCommand({ Bucket: bucket, Key: lockedKey, Retention }));

    await reconcileBackup(deps, { namespace, name: "kept" });
    const refused = (await cluster.get("Backup", namespace, "kept")).status as {
      phase: string;
      conditions: { type: string; reason: string; message: string }[];
    };

    const date = `${Retention.RetainUntilDate.toISOString().slice(0, 19)}Z`;
    expect(refused.phase).toBe("Completed");
    expect(refused.conditions.find(({ type }) => type === "DeletionBlocked")).toMatchObject({
      reason: "ObjectLocked",
      message: `Object Lock keeps it until ${date}: it is deleted after that`,
    });
    expect(await keysOf(store)).toEqual(files);
    await waitUntil(
      async () => {
        await reconcileBackup(deps, { namespace, name: "kept" });
        return (await cluster.list("Backup", namespace)).length === 0;
      },
      { what: "the backup is deleted", timeoutMs: 90_000, intervalMs: 1000 },
    );
    // the server shows the folder as long as it holds old versions
    expect(await keysOf(store)).toEqual([]);
    await store.close();
  },
);

async function keysOf(store: S3Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("backups/")) keys.push(key);
  return keys.sort();
}

async function depsWith(namespace: string, store: S3Store): Promise<ReconcileDeps> {
  return reconcileDeps(await connect(cluster.kubeconfigPath), systemClock, namespace, () => store);
}

async function put(deps: ReconcileDeps, kind: string, name: string, spec: object, status: object): Promise<void> {
  const metadata = { name, namespace: deps.installation.namespace };
  const resource = kind === "Backup" ? "backups" : "backupstoragelocations";
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind, metadata, spec });
  const gvr = { group: "holdfast.dev", version: "v1alpha1", resource };
  deps.live.put(await deps.kube.patch(gvr, metadata, { type: "merge", body: { status } }, { subresource: "status" }));
}
