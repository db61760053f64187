import { isIPv4, isIPv6 } from "node:net";
import { CodedError } from "../errors.ts";

/** An access key, or whatever fetches one; called again when what it gave has expired. */
export type S3Credentials = S3AccessKey | (() => Promise<S3AccessKey>);

/** Long-lived, or of a session. */
export interface S3AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** A location in an S3 bucket. */
export interface S3StoreOptions {
  readonly bucket: string;
  /** Folder below which every key lies; slashes at its ends don't count. */
  readonly prefix?: string;
  /** Default `us-east-1`, which endpoints that are not AWS take for any. */
  readonly region?: string;
  /** Such as `https://minio.example:9000`; absent for AWS. */
  readonly endpoint?: string;
  /** `host/bucket/key` in place of `bucket.host/key`. Default: true where an endpoint is given. */
  readonly forcePathStyle?: boolean;
  /** Default: the SDK's own chain (environment, web identity, instance role). */
  readonly credentials?: S3Credentials;
  /** PEM certificates to trust beside Node's own. */
  readonly caBundle?: string;
  readonly serverSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse";
  readonly kmsKeyId?: string;
  /** Send and check a checksum with every body. Default: on AWS only, since some other endpoints refuse them. */
  readonly checksums?: boolean;
  /** Bytes of one part of a multipart upload, at least 5 MiB. Default 5 MiB, which 10,000 parts make 48 GiB; three are in memory at once. */
  readonly partBytes?: number;
  /** Tries of one request, with exponential backoff. Default 5. */
  readonly maxAttempts?: number;
}

/** `s3://bucket/prefix`, for messages. */
export function s3Location(options: S3StoreOptions): string {
  const prefix = keyPrefix(options);
  return `s3://${options.bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}`;
}

/** Whether bodies carry a checksum from the start. */
export function sendsChecksums({ checksums, endpoint }: Pick<S3StoreOptions, "checksums" | "endpoint">): boolean {
  return checksums ?? endpoint === undefined;
}

/** What stands in front of every key: "" or `folder/`. */
export function keyPrefix({ prefix = "" }: Pick<S3StoreOptions, "prefix">): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `${trimmed}/`;
}

/**
 * The endpoint, if it may be one. Link-local addresses are refused: behind them are a cloud's credentials, and an
 * endpoint may be written by someone who must not have those.
 * @throws {InvalidSpec}
 */
export function checkEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const refuse = (why: string): CodedError =>
    new CodedError(
      "InvalidSpec",
      { fields: ["spec.s3.endpoint"] },
      `the S3 endpoint ${JSON.stringify(url?.origin ?? endpoint)} ${why}`,
    );
  if (url === undefined) throw refuse("is no URL");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("is neither https nor http");
  if (url.username !== "" || url.password !== "")
    throw refuse("holds credentials: put them into the credentials Secret");
  if (url.search !== "" || url.hash !== "") throw refuse("has a query or a fragment");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isLinkLocal(host)) throw refuse("is a link-local address, which is never a bucket's");
  return url;
}

function isLinkLocal(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("169.254.");
  return (
    isIPv6(host) && (/^fe[89ab]/i.test(host) || /^::ffff:(169\.254\.|a9fe:)/i.test(host) || /^fd00:ec2:/i.test(host))
  );
}
