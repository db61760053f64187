import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
} from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { describeObjectStore } from "../../src/storage/object-store.contract.ts";
import { probeConditionalWrites } from "../../src/storage/probe.ts";
import type { S3StoreOptions } from "../../src/storage/s3-options.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import { startProxy } from "../support/proxy.ts";
import { type TestS3, useS3 } from "../support/use-s3.ts";

const s3 = useS3();
const sizes = { largeBytes: 18 * 1024 * 1024, manyObjects: 1_100 };

describeObjectStore("S3, whole bucket", async () => await underTest(s3, {}), sizes);
describeObjectStore(
  "S3, below a prefix, with checksums",
  async () => await underTest(s3, { prefix: "/team/a/", checksums: true }),
  sizes,
);

describe("an S3 location", () => {
  it("keeps every key below its prefix, and sees no other", async () => {
    const bucket = await s3.createBucket();
    const inside = new S3Store(optionsOf(s3, { bucket, prefix: "team" }));
    const whole = new S3Store(optionsOf(s3, { bucket }));

    await inside.put("backups/a/f", Buffer.from("x"));
    await whole.put("team-b/f", Buffer.from("y"));

    expect(await whole.listPrefixes("")).toEqual(["team-b/", "team/"]);
    expect(await inside.listPrefixes("")).toEqual(["backups/"]);
    expect(inside.location).toBe(`s3://${bucket}/team`);
  });

  it("knows conditional writes when it sees them, and leaves no probe behind", async () => {
    const store = new S3Store(optionsOf(s3, { bucket: await s3.createBucket() }));

    expect(await probeConditionalWrites(store)).toEqual({ supported: true });

    expect(await store.listPrefixes("")).toEqual([]);
  });

  it("ends the unfinished uploads of one key and no other", async () => {
    const bucket = await s3.createBucket();
    const store = new S3Store(optionsOf(s3, { bucket }));
    for (const Key of ["backups/a/f", "backups/a/f", "backups/a/f2"]) {
      await s3.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
    }

    expect(await store.abortUploads("backups/a/f")).toBe(2);

    const left = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(left.Uploads?.map((upload) => upload.Key)).toEqual(["backups/a/f2"]);
    for (const { Key, UploadId } of left.Uploads ?? []) {
      await s3.client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    }
  });

  it.each([
    ["its own keys", { serverSideEncryption: "AES256" }, ["AES256", undefined]],
    ["a key of KMS", { serverSideEncryption: "aws:kms", kmsKeyId: "alias/backups" }, ["aws:kms", "alias/backups"]],
  ] as const)("asks the server to encrypt every object with %s, whole and in parts", async (_what, how, expected) => {
    const bucket = await s3.createBucket();
    const proxy = await startProxy(s3.connection.endpoint);
    const store = new S3Store({ ...optionsOf(s3, { bucket, ...how }), endpoint: proxy.url });

    await store.put("small", Buffer.from("x"));
    await store.put("large", Readable.from([Buffer.alloc(6 * 1024 * 1024), Buffer.alloc(6 * 1024 * 1024)]));
    await store.close();
    await proxy.stop();

    // what makes an object says how it is encrypted; a part of one may not
    const making = proxy.calls.filter(({ url, method }) => method === "PUT" && !url.includes("partNumber="));
    const opening = proxy.calls.filter(({ url, method }) => method === "POST" && url.includes("uploads"));
    const parts = proxy.calls.filter(({ url }) => url.includes("partNumber="));
    const asked = [...making, ...opening].map(({ headers }) => [
      headers["x-amz-server-side-encryption"],
      headers["x-amz-server-side-encryption-aws-kms-key-id"],
    ]);
    expect([making.length, opening.length, parts.length >= 2]).toEqual([1, 1, true]);
    expect(asked).toEqual([expected, expected]);
    expect(parts.filter(({ headers }) => headers["x-amz-server-side-encryption"] !== undefined)).toEqual([]);
  });

  it("writes into a bucket with Object Lock, whole and in parts", async () => {
    const store = new S3Store(optionsOf(s3, { bucket: await s3.createBucket({ objectLock: true }) }));
    const large = Buffer.alloc(9 * 1024 * 1024, 5);

    await store.put("backups/a/small", Buffer.from("x"), { ifAbsent: true });
    await store.put("backups/a/large", Readable.from([large]), { ifAbsent: true });

    expect((await readAll(await store.get("backups/a/large"))).equals(large)).toBe(true);
  });
});

describe("an S3 location that does not work", () => {
  it.each([
    ["a bucket that does not exist", { bucket: "no-such-bucket-here" }, "StoreBucketMissing"],
    ["a wrong secret", { credentials: { accessKeyId: "wrong", secretAccessKey: "wrong" } }, "StoreAuth"],
    ["credentials that can't be fetched", { credentials: () => Promise.reject(new Error("no token")) }, "StoreAuth"],
    ["nobody listening", { endpoint: "http://127.0.0.1:9", maxAttempts: 2 }, "StoreUnreachable"],
    ["a name that does not resolve", { endpoint: "http://nowhere.invalid:9000", maxAttempts: 2 }, "StoreUnreachable"],
    ["an endpoint that is no URL", { endpoint: "minio:9000" }, "InvalidSpec"],
    ["the address of the cloud's credentials", { endpoint: "http://169.254.169.254/" }, "InvalidSpec"],
  ] satisfies [string, Partial<S3StoreOptions>, string][])("names %s", async (_what, changes, code) => {
    const store = new S3Store({ ...optionsOf(s3, { bucket: await s3.createBucket() }), ...changes });

    await expect(store.put("backups/a/f", Buffer.from("x"))).rejects.toMatchObject({ code });
    await expect(store.get("backups/a/f")).rejects.toMatchObject({ code });
    await expect(store.listPrefixes("backups/")).rejects.toMatchObject({ code });
    await store.close();
  });

  it("keeps the secret out of what it says", async () => {
    const credentials = { accessKeyId: "wrong", secretAccessKey: "TOPSECRET" };
    const store = new S3Store({ ...optionsOf(s3, { bucket: await s3.createBucket() }), credentials });

    const error = await store.head("backups/a/f").catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: "StoreAuth" });
    expect(String(error)).not.toContain("TOPSECRET");
  });
});

function optionsOf(server: TestS3, changes: Partial<S3StoreOptions> & { readonly bucket: string }): S3StoreOptions {
  const { endpoint, region, accessKeyId, secretAccessKey } = server.connection;
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey }, partBytes: 5 * 1024 * 1024, ...changes };
}

async function underTest(server: TestS3, changes: Partial<S3StoreOptions>) {
  const bucket = await server.createBucket();
  const store = new S3Store(optionsOf(server, { bucket, ...changes }));
  return {
    store,
    leftovers: async () => {
      const left = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return (left.Uploads ?? []).map((upload) => upload.Key ?? "");
    },
    close: async () => await store.close(),
  };
}
