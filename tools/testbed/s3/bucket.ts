import type { S3Client } from "@aws-sdk/client-s3";
import type { S3Connection } from "./s3-server.ts";

export interface BucketOptions {
  readonly versioning?: boolean;
  /** Enables Object Lock, and with it versioning. */
  readonly objectLock?: boolean;
}

/** A client for looking at buckets from outside the product. */
export async function openS3Client(connection: S3Connection): Promise<S3Client> {
  const { S3Client } = await import("@aws-sdk/client-s3"); // heavy: only who uses S3 pays for it
  const { endpoint, region, accessKeyId, secretAccessKey } = connection;
  return new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}

/** Makes a bucket. Its name needs three characters or more. */
export async function createBucket(connection: S3Connection, name: string, options: BucketOptions = {}): Promise<void> {
  const { CreateBucketCommand, PutBucketVersioningCommand } = await import("@aws-sdk/client-s3");
  const client = await openS3Client(connection);
  try {
    const objectLock = options.objectLock === true;
    await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: objectLock }));
    if (options.versioning === true && !objectLock) {
      const VersioningConfiguration = { Status: "Enabled" as const };
      await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    }
  } finally {
    client.destroy();
  }
}
