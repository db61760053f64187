import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { claimBackup } from "../../src/storage/claims.ts";
import { probeConditionalWrites } from "../../src/storage/probe.ts";
import { putOnce } from "../../src/storage/put-once.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import { configMap, testClaim, writeBackup } from "../../src/storage/testing.ts";
import { type Fault, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { startProxy } from "../support/proxy.ts";
import { useS3 } from "../support/use-s3.ts";

const s3 = useS3();
const PART = 5 * 1024 * 1024;
const slowDown: Fault = {
  type: "answer",
  status: 503,
  body: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
};
const broken: Fault = {
  type: "answer",
  status: 500,
  body: "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
};

const isPart = (call: IncomingCall): boolean => call.url.includes("partNumber=");
const isCompletion = (call: IncomingCall): boolean => call.method === "POST" && /[?&]uploadId=/.test(call.url);
const isPut = (call: IncomingCall): boolean => call.method === "PUT" && !isPart(call);
const isGet = (call: IncomingCall): boolean => call.method === "GET" && !call.url.includes("list-type");

describe("an S3 endpoint that fails in between", () => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let bucket: string;
  let store: S3Store;
  beforeEach(async () => {
    bucket = await s3.createBucket();
    proxy = await startProxy(s3.connection.endpoint);
    const { accessKeyId, secretAccessKey } = s3.connection;
    store = new S3Store({
      bucket,
      endpoint: proxy.url,
      credentials: { accessKeyId, secretAccessKey },
      partBytes: PART,
    });
  });
  afterEach(async () => {
    await store.close();
    await proxy.stop();
  });

  async function unfinishedUploads(): Promise<number> {
    return (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
  }

  it.each<[string, (call: IncomingCall) => boolean, Fault, number]>([
    ["two SlowDown answers to a part", isPart, slowDown, 2],
    ["a 500 to a part", isPart, broken, 1],
    ["a reset in the middle of a part", isPart, { type: "resetRequest", afterBytes: 2_000_000 }, 1],
    ["an answer to a part that is lost", isPart, { type: "dropAnswer" }, 1],
    ["a SlowDown to the completion", isCompletion, slowDown, 1],
  ])("uploads a large object through %s", async (_what, matches, fault, times) => {
    const bytes = randomBytes(2 * PART + 1_000);
    proxy.setFaults(faultOnce(matches, fault, times));

    const outcome = await store.put("backups/a/f", Readable.from([bytes]), { ifAbsent: true });

    expect(outcome).toEqual({ type: "created" });
    expect((await readAll(await store.get("backups/a/f"))).equals(bytes)).toBe(true);
    expect(await unfinishedUploads()).toBe(0);
  });

  it.each<[string, number, (call: IncomingCall) => boolean]>([
    ["the put of a small object", 1_000, isPut],
    ["the completion of a large one", PART + 1_000, isCompletion],
  ])("takes %s for its own, whose success was answered by silence", async (_what, sizeBytes, matches) => {
    const bytes = randomBytes(sizeBytes);
    proxy.setFaults(faultOnce(matches, { type: "dropAnswer" }));

    const put = await putOnce(store, "backups/a/f", Readable.from([bytes]), {
      conditionalWrites: true,
      signal: undefined,
    });

    expect(put.sizeBytes).toBe(sizeBytes);
    expect((await readAll(await store.get("backups/a/f"))).equals(bytes)).toBe(true);
    expect(await unfinishedUploads()).toBe(0);
  });

  it("does not take another's object for its own", async () => {
    await store.put("backups/a/f", Buffer.from("another's"));

    const put = putOnce(store, "backups/a/f", Readable.from([randomBytes(PART + 1)]), {
      conditionalWrites: true,
      signal: undefined,
    });

    await expect(put).rejects.toMatchObject({ code: "StoreObjectExists" });
    expect((await readAll(await store.get("backups/a/f"))).toString()).toBe("another's");
    expect(await unfinishedUploads()).toBe(0);
  });

  it("claims a name whose claim was answered by silence", async () => {
    proxy.setFaults(faultOnce(isPut, { type: "dropAnswer" }));

    const outcome = await claimBackup(store, "a", testClaim("a"));

    expect(["claimed", "ours"]).toContain(outcome.type);
    await expect(claimBackup(store, "a", testClaim("a", { token: "other", cluster: "east" }))).rejects.toMatchObject({
      code: "BackupNameTaken",
    });
  });

  it.each<[string, Fault]>([
    ["a reset in the middle of the answer", { type: "resetAnswer", afterBytes: 3_000_000 }],
    ["an answer cut short", { type: "truncateAnswer", afterBytes: 3_000_000 }],
  ])("reads a large object through %s", async (_what, fault) => {
    const bytes = randomBytes(2 * PART);
    await store.put("backups/a/f", bytes);
    proxy.setFaults(faultOnce(isGet, fault, 2));

    expect((await readAll(await store.get("backups/a/f"))).equals(bytes)).toBe(true);
    proxy.setFaults(faultOnce(isGet, fault, 2));
    expect((await store.getRange("backups/a/f", 10, 2 * PART - 10)).equals(bytes.subarray(10))).toBe(true);
  });

  it("gives up with the reason and leaves no upload when the endpoint stays broken", async () => {
    proxy.setFaults((call) => (isPart(call) ? broken : undefined));

    const put = store.put("backups/a/f", Readable.from([randomBytes(3 * PART)]), { ifAbsent: true });

    await expect(put).rejects.toMatchObject({
      code: "StoreUnreachable",
      message: expect.stringContaining("InternalError"),
    });
    expect(await store.head("backups/a/f")).toBeUndefined();
    expect(await unfinishedUploads()).toBe(0);
  });

  it("leaves no upload when it is aborted in the middle of a part", async () => {
    const abort = new AbortController();
    proxy.setFaults((call) => {
      if (!isPart(call)) return undefined;
      abort.abort(new Error("lease lost"));
      return { type: "hang" };
    });

    await expect(
      store.put("backups/a/f", Readable.from([randomBytes(3 * PART)]), { signal: abort.signal }),
    ).rejects.toThrow("lease lost");

    expect(await store.head("backups/a/f")).toBeUndefined();
    expect(await unfinishedUploads()).toBe(0);
  });

  it("finds out that an endpoint refuses, or does not know, conditions", async () => {
    const refusal =
      "<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>";
    proxy.setFaults((call) =>
      call.headers["if-none-match"] === "*" ? { type: "answer", status: 501, body: refusal } : undefined,
    );

    expect(await probeConditionalWrites(store)).toMatchObject({
      supported: false,
      reason: expect.stringContaining("not implemented"),
    });
  });

  it("restores a backup of many members through resets and SlowDowns", async () => {
    const items = Array.from({ length: 400 }, (_, i) => configMap(`ns${i % 4}`, `cm-${i}`, 4_000));
    proxy.setFaults((call) =>
      call.index % 7 === 3 ? slowDown : call.index % 11 === 5 ? { type: "reset" } : undefined,
    );
    await writeBackup(store, items, { memberBytes: 64 * 1024 });

    const reader = await openBackup(store, "backup");
    let read = 0;
    for await (const { body } of reader.readMany(reader.rows("configmaps"))) read += body.length > 4_000 ? 1 : 0;

    expect(read).toBe(400);
  });
});
