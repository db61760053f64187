import { ListObjectsV2Command, type S3Client, type _Object as StoredObject } from "@aws-sdk/client-s3";
import { afterEach, beforeEach } from "vitest";
import { stringify } from "yaml";
import { type Proxy as RunningProxy, startProxy } from "../support/proxy.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { useS3 } from "../support/use-s3.ts";

/** A bucket of each test's own, that locations reach through a proxy which records every request and can make some fail. */
export interface S3Proxy extends Pick<RunningProxy, "url" | "calls" | "setFaults"> {
  readonly bucket: string;
  /** Looks at the bucket past the proxy. */
  readonly client: S3Client;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Makes the Secret that a location names with `SECRET_REF`. */
  createSecret(cluster: TestCluster, namespace: string): Promise<void>;
  /** A location in the bucket, behind the proxy; `more` goes into its spec, and `more.s3` into that. */
  locationYaml(metadata: { readonly name: string; readonly namespace: string }, more: LocationFields): string;
  /** Every object of the bucket below a prefix. */
  objects(prefix?: string): Promise<readonly StoredObject[]>;
}

interface LocationFields {
  readonly s3?: object;
  readonly [field: string]: unknown;
}

const SECRET = "bucket-credentials";

/** For `s3` of a location whose credentials are in the Secret of `createSecret`. */
export const SECRET_REF = { credentialsSecretRef: { name: SECRET } };

/** Gives each test of the file a bucket and a proxy; call it after what talks to them, so that the proxy is stopped first. */
export function useS3Proxy(): S3Proxy {
  const s3 = useS3();
  let current: { readonly bucket: string; readonly proxy: RunningProxy } | undefined;
  beforeEach(async () => {
    current = { bucket: await s3.createBucket(), proxy: await startProxy(s3.connection.endpoint) };
  });
  afterEach(() => current?.proxy.stop());
  const inTest = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error("the proxy is there in tests only");
    return current;
  };
  return {
    get url() {
      return inTest().proxy.url;
    },
    get calls() {
      return inTest().proxy.calls;
    },
    get bucket() {
      return inTest().bucket;
    },
    get client() {
      return s3.client;
    },
    get credentials() {
      const { accessKeyId, secretAccessKey } = s3.connection;
      return { accessKeyId, secretAccessKey };
    },
    setFaults: (rule) => inTest().proxy.setFaults(rule),
    async createSecret(cluster, namespace) {
      const metadata = { name: SECRET, namespace };
      await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, stringData: this.credentials });
    },
    locationYaml(metadata, { s3: s3More = {}, ...more }) {
      const place = { bucket: this.bucket, region: s3.connection.region, endpoint: this.url, ...s3More };
      const spec = { provider: "s3", ...more, s3: place };
      return stringify({ apiVersion: "holdfast.dev/v1alpha1", kind: "BackupStorageLocation", metadata, spec });
    },
    async objects(prefix = "") {
      const page = await s3.client.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix }));
      return page.Contents ?? [];
    },
  };
}
