/** A restore of a small part of a large backup reads a small part of it, counted in bytes as they leave the store. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCountingStore } from "../../src/storage/counting-store.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { configMap, type TestItem, writeBackup } from "../../src/storage/testing.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useS3 } from "../support/use-s3.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const s3 = useS3();
const NAMESPACES = 650;
const IN_EACH = 20;
/** The most that a restore of one namespace may read, as a part of the archive. */
const LIMIT = 0.01;

describe("a restore of one namespace out of a large backup", () => {
  const prefix = uniqueName("t-ranges");
  const wanted = `${prefix}-${Math.floor(NAMESPACES / 2)}`;
  let store: S3Store;
  let archiveBytes = 0;
  beforeAll(async () => {
    const bucket = await s3.createBucket();
    const { endpoint, accessKeyId, secretAccessKey } = s3.connection;
    store = new S3Store({ bucket, endpoint, credentials: { accessKeyId, secretAccessKey } });
    archiveBytes = (await writeBackup(store, items())).sizeBytes;
    await store.put(backupKeys("backup").volumeInfo, gzipSync("[]"));
  });
  afterAll(() => store?.close());

  function* items(): Generator<TestItem> {
    for (let namespace = 0; namespace < NAMESPACES; namespace++) {
      for (let index = 0; index < IN_EACH; index++) yield configMap(`${prefix}-${namespace}`, `cm-${index}`, 16_000);
    }
  }

  it("reads under 1% of it, index and manifest among them", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const { store: counted, traffic } = createCountingStore(store);

    const { outcome } = await restore(kube, counted, { spec: { includedNamespaces: [wanted] } });
    const restored = await cluster.list("ConfigMap", wanted);
    await cluster.request("DELETE", `/api/v1/namespaces/${wanted}`);

    expect([outcome.phase, outcome.counts.created]).toEqual(["Completed", IN_EACH + 1]);
    expect(restored.filter(({ metadata }) => metadata.name.startsWith("cm-"))).toHaveLength(IN_EACH);
    expect(archiveBytes).toBeGreaterThan(20_000_000);
    expect(traffic.bytesRead / archiveBytes).toBeLessThan(LIMIT);
  });
});
