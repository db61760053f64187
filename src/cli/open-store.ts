import { sha256 } from "../api/digest.ts";
import { canonicalJson } from "../api/json.ts";
import type { BackupStorageLocation, S3Location } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { S3Credentials } from "../storage/s3-options.ts";
import { parseAwsCredentials } from "./aws-credentials.ts";

/** Opens the store of a location, with the credentials its Secret holds now. */
export type OpenStore = (location: BackupStorageLocation) => Promise<ObjectStore>;

const SECRETS = { group: "", version: "v1", resource: "secrets" } as const;
/** How long a Secret is believed before it is read again: rotated credentials need no restart. */
const SECRET_AGE_MS = 30_000;

/**
 * Builds an opener that keeps each store, with its connections, as long as neither the location's spec nor its
 * credentials change.
 */
export function createOpenStore(kube: KubeClient, monotonic: () => number): OpenStore {
  const opened = new Map<string, { readonly id: string; readonly store: ObjectStore }>();
  const secrets = createSecretReader(kube, monotonic);

  return async (location) => {
    const { namespace = "", name } = location.metadata;
    const { s3 } = location.spec;
    const secret = s3?.credentialsSecretRef && (await secrets(namespace, s3.credentialsSecretRef.name));
    const id = sha256(canonicalJson({ spec: location.spec, secret }));
    const known = opened.get(`${namespace}/${name}`);
    if (known?.id === id) return known.store;
    const store = await buildStore(location, secret);
    opened.set(`${namespace}/${name}`, { id, store });
    return store;
  };
}

async function buildStore(location: BackupStorageLocation, secret: SecretData | undefined): Promise<ObjectStore> {
  const { provider, s3, filesystem } = location.spec;
  if (provider === "filesystem" && filesystem !== undefined) {
    const { FsStore } = await import("../storage/fs-store.ts");
    return new FsStore(filesystem.path);
  }
  if (provider === "s3" && s3 !== undefined) {
    // imported here: the SDK is large, and most commands need none of it
    const { S3Store } = await import("../storage/s3-store.ts");
    const credentials = secret === undefined ? undefined : s3CredentialsOf(s3, secret);
    const { credentialsSecretRef: _ref, ...options } = s3;
    return new S3Store({ ...options, ...(credentials === undefined ? {} : { credentials }) });
  }
  throw new CodedError(
    "InvalidSpec",
    { fields: [`spec.${provider}`] },
    `location ${location.metadata.name} has provider ${provider} and no spec.${provider}`,
  );
}

/** Decoded `data` of a Secret. */
type SecretData = Readonly<Record<string, string>>;

function s3CredentialsOf({ credentialsSecretRef }: S3Location, secret: SecretData): S3Credentials {
  const { key, name } = credentialsSecretRef ?? { name: "" };
  const file = key === undefined ? secret.cloud : secret[key];
  const { accessKeyId, secretAccessKey, sessionToken } = secret;
  if (key === undefined && accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  }
  const parsed = file === undefined ? undefined : parseAwsCredentials(file);
  if (parsed !== undefined) return parsed;
  throw new CodedError(
    "StoreAuth",
    { location: name },
    key === undefined
      ? `Secret ${name} has neither accessKeyId with secretAccessKey, nor an AWS credentials file under "cloud"`
      : `Secret ${name} has no AWS credentials file under "${key}"`,
  );
}

/** Reads Secrets, each at most so often. */
export function createSecretReader(
  kube: KubeClient,
  monotonic: () => number,
): (namespace: string, name: string) => Promise<SecretData> {
  const known = new Map<string, { readonly at: number; readonly data: SecretData }>();
  return async (namespace, name) => {
    const id = `${namespace}/${name}`;
    const cached = known.get(id);
    if (cached !== undefined && monotonic() - cached.at < SECRET_AGE_MS) return cached.data;
    const secret = await kube.get(SECRETS, { namespace, name });
    if (secret === undefined) {
      throw new CodedError("StoreAuth", { location: id }, `there is no Secret ${id}`);
    }
    const data = decode(secret);
    known.set(id, { at: monotonic(), data });
    return data;
  };
}

function decode(secret: KubeObject): SecretData {
  const entries = Object.entries((secret.data ?? {}) as Record<string, string>);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]));
}
