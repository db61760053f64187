import { DeleteObjectCommand, GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { faultOnce } from "../../tools/testbed/http/fault.ts";
import { openS3Client } from "../../tools/testbed/s3/bucket.ts";
import { startProxy } from "../support/proxy.ts";
import { useS3 } from "../support/use-s3.ts";

describe("the S3 server", () => {
  const s3 = useS3();

  it("refuses a second conditional put with 412", async () => {
    const Bucket = await s3.createBucket();
    const put = () => s3.client.send(new PutObjectCommand({ Bucket, Key: "a/b", Body: "x", IfNoneMatch: "*" }));

    await put();

    await expect(put()).rejects.toMatchObject({ name: "PreconditionFailed", $metadata: { httpStatusCode: 412 } });
  });

  it("keeps versions, and locked ones against deletion", async () => {
    const Bucket = await s3.createBucket({ objectLock: true });
    const lock = { ObjectLockMode: "COMPLIANCE", ObjectLockRetainUntilDate: new Date(Date.now() + 60_000) } as const;
    await s3.client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "1", ChecksumAlgorithm: "SHA256", ...lock }));

    const { Versions } = await s3.client.send(new ListObjectVersionsCommand({ Bucket }));
    const VersionId = Versions?.[0]?.VersionId;
    const deleting = s3.client.send(new DeleteObjectCommand({ Bucket, Key: "k", VersionId }));

    await expect(deleting).rejects.toMatchObject({ name: "AccessDenied" });
  });

  it("accepts signatures through a proxy, which can cut an answer", async () => {
    const Bucket = await s3.createBucket();
    const proxy = await startProxy(s3.connection.endpoint);
    const client = await openS3Client({ ...s3.connection, endpoint: proxy.url });
    await client.send(new PutObjectCommand({ Bucket, Key: "k", Body: Buffer.alloc(300_000, "z") }));

    proxy.setFaults(faultOnce(({ method }) => method === "GET", { type: "resetAnswer", afterBytes: 1000 }));
    const cut = await client.send(new GetObjectCommand({ Bucket, Key: "k" }));
    const reading = cut.Body?.transformToByteArray();

    await expect(reading).rejects.toThrow();
    const whole = await client.send(new GetObjectCommand({ Bucket, Key: "k" }));
    expect((await whole.Body?.transformToByteArray())?.length).toBe(300_000);
    expect(proxy.calls[0]).toMatchObject({ method: "PUT", status: 200 });
    expect(proxy.calls[0]?.requestBytes).toBeGreaterThanOrEqual(300_000);
    client.destroy();
    await proxy.stop();
  });
});
