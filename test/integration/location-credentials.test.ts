import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BackupStorageLocation } from "../../src/api/kinds.generated.ts";
import { createOpenStore, type OpenStore } from "../../src/cli/open-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useS3 } from "../support/use-s3.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const cluster = useTestCluster();
const connect = useKubeClients();
const s3 = useS3();

let namespace: string;
let bucket: string;
let open: OpenStore;
/** Ms that this process has been running for, as the opener is told. */
let uptimeMs: number;

beforeEach(async () => {
  namespace = await cluster.createNamespace();
  bucket = await s3.createBucket();
  uptimeMs = 0;
  open = createOpenStore(await connect(cluster.kubeconfigPath), () => uptimeMs);
});

function location(credentialsSecretRef?: { readonly name: string; readonly key?: string }): BackupStorageLocation {
  const { endpoint, region } = s3.connection;
  return {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupStorageLocation",
    metadata: { name: "main", namespace },
    spec: { provider: "s3", s3: { bucket, endpoint, region, ...(credentialsSecretRef && { credentialsSecretRef }) } },
  };
}

async function look(where: BackupStorageLocation): Promise<string> {
  try {
    await (await open(where)).listPrefixes("backups/");
    return "reached";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe("credentials of a location", () => {
  it("are taken from its Secret, and a changed Secret is used without a restart", async () => {
    const { accessKeyId, secretAccessKey } = s3.connection;
    const metadata = { name: "bucket-credentials", namespace };
    const stringData = { accessKeyId, secretAccessKey: "revoked" };
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, stringData });
    const where = location({ name: metadata.name });

    const before = await look(where);
    await cluster.patch("Secret", namespace, metadata.name, { stringData: { secretAccessKey } });
    uptimeMs += 60_000;
    const after = await look(where);

    expect([before, after]).toEqual(["StoreAuth", "reached"]);
  });

  it("may be Velero's credentials file under a key of the Secret", async () => {
    const { accessKeyId, secretAccessKey } = s3.connection;
    const cloud = `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`;
    const metadata = { name: "cloud-credentials", namespace };
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, stringData: { cloud } });

    expect(await look(location({ name: metadata.name, key: "cloud" }))).toBe("reached");
  });

  it("a missing Secret is named", async () => {
    await expect(open(location({ name: "nowhere" }))).rejects.toMatchObject({
      code: "StoreAuth",
      message: `there is no Secret ${namespace}/nowhere`,
    });
  });
});

describe("credentials of a location without a Secret", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-credentials-"));
    // nothing of this machine's own counts
    for (const name of ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"]) vi.stubEnv(name, join(folder, "none"));
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it("are the environment's", async () => {
    const { accessKeyId, secretAccessKey } = s3.connection;
    vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);

    expect(await look(location())).toBe("reached");
  });

  it("are those that the token of a web identity is exchanged for", async () => {
    const tokens: string[] = [];
    const sts = await exchange(tokens);
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    vi.stubEnv("AWS_ENDPOINT_URL_STS", `http://127.0.0.1:${(sts.address() as AddressInfo).port}`);
    vi.stubEnv("AWS_REGION", s3.connection.region);
    vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/holdfast");
    vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", join(folder, "token"));
    await writeFile(join(folder, "token"), "token-of-the-pod");

    const reached = await look(location());
    sts.close();

    expect([reached, tokens]).toEqual(["reached", ["token-of-the-pod"]]);
  });
});

/** Answers AssumeRoleWithWebIdentity with keys that the S3 server takes; AWS's own service is not to be had here. */
async function exchange(tokens: string[]): Promise<Server> {
  const { accessKeyId, secretAccessKey } = s3.connection;
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    tokens.push(new URLSearchParams(Buffer.concat(body).toString("utf8")).get("WebIdentityToken") ?? "");
    const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>`;
    const credentials = `<Credentials>${keys}<SessionToken></SessionToken><Expiration>${expiration}</Expiration></Credentials>`;
    const result = `<AssumeRoleWithWebIdentityResult>${credentials}</AssumeRoleWithWebIdentityResult>`;
    const answer = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</AssumeRoleWithWebIdentityResponse>`;
    response.writeHead(200, { "content-type": "text/xml" }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
