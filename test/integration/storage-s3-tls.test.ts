import { describe, expect, it } from "vitest";
import { S3Store } from "../../src/storage/s3-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import { startProxy } from "../support/proxy.ts";
import { useS3 } from "../support/use-s3.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const s3 = useS3();
const cluster = useTestCluster(); // for its certificate, which no public authority has signed

describe("an S3 endpoint with a private certificate authority", () => {
  it("is trusted with its CA bundle, and not without", async () => {
    const { accessKeyId, secretAccessKey, endpoint } = s3.connection;
    const proxy = await startProxy(endpoint, { tls: cluster.connection.tls });
    const bucket = await s3.createBucket();
    const options = { bucket, endpoint: proxy.url, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
    const trusting = new S3Store({ ...options, caBundle: cluster.connection.ca });
    const wary = new S3Store(options);

    await trusting.put("backups/a/f", Buffer.from("x"), { ifAbsent: true });

    expect((await readAll(await trusting.get("backups/a/f"))).toString()).toBe("x");
    await expect(wary.get("backups/a/f")).rejects.toMatchObject({
      code: "StoreUnreachable",
      message: expect.stringMatching(/certificate|self.signed|SELF_SIGNED|UNABLE_TO/i),
    });
    expect(proxy.url).toMatch(/^https:/);
    await Promise.all([trusting.close(), wary.close()]);
    await proxy.stop();
  });
});
