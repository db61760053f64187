import type { S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll } from "vitest";
import { type BucketOptions, createBucket, openS3Client } from "../../tools/testbed/s3/bucket.ts";
import type { S3Connection } from "../../tools/testbed/s3/s3-server.ts";
import { demandServer } from "./demand-server.ts";
import { uniqueName } from "./test-cluster.ts";

/** The S3 server that all test files share. */
export interface TestS3 {
  readonly connection: S3Connection;
  /** Looks at buckets from outside the product. */
  readonly client: S3Client;
  /** Makes an empty bucket with a name of its own. */
  createBucket(options?: BucketOptions): Promise<string>;
}

/** The S3 server that all test files share, started on first use; give each test a bucket of its own. */
export function useS3(): TestS3 {
  let running: { connection: S3Connection; client: S3Client } | undefined;
  const s3 = () => {
    if (running === undefined) throw new Error("the S3 server is there in hooks and tests only");
    return running;
  };
  beforeAll(async () => {
    const connection = await demandServer("s3");
    running = { connection, client: await openS3Client(connection) };
  });
  afterAll(() => running?.client.destroy());
  return {
    get connection() {
      return s3().connection;
    },
    get client() {
      return s3().client;
    },
    createBucket: async (options) => {
      const name = uniqueName("bucket");
      await createBucket(s3().connection, name, options);
      return name;
    },
  };
}
