/** The Secrets and the location that `bootstrap` makes of the environment and its arguments. */
import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import type { BackupStorageLocation } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { Config } from "./config.ts";
import { PACKAGED_NAMESPACE } from "./install-manifests.ts";

const GIT_SECRET = "git-credentials";
const BUCKET_SECRET = "bucket-credentials";

/** Secrets of what the environment holds; undefined where it holds nothing. */
export function secretsOfEnvironment({ git, aws }: Config): {
  readonly git: KubeObject | undefined;
  bucket(location: BackupStorageLocation): KubeObject | undefined;
} {
  const signIn = defined({ username: git.username, password: git.password, token: git.token });
  return {
    git: Object.keys(signIn).length === 0 ? undefined : secret(PACKAGED_NAMESPACE, GIT_SECRET, signIn),
    bucket: ({ metadata, spec }) => {
      const reference = spec.s3?.credentialsSecretRef;
      const { accessKeyId, secretAccessKey, sessionToken } = aws;
      if (reference === undefined || accessKeyId === undefined || secretAccessKey === undefined) return undefined;
      const keys = defined({ accessKeyId, secretAccessKey, sessionToken });
      const data = reference.key === undefined ? keys : { [reference.key]: credentialsFile(keys) };
      return secret(metadata.namespace ?? PACKAGED_NAMESPACE, reference.name, data);
    },
  };
}

function credentialsFile(keys: Readonly<Record<string, string>>): string {
  const names: Readonly<Record<string, string>> = {
    accessKeyId: "aws_access_key_id",
    secretAccessKey: "aws_secret_access_key",
    sessionToken: "aws_session_token",
  };
  const lines = Object.entries(keys).map(([key, value]) => `${names[key]} = ${value}`);
  return ["[default]", ...lines, ""].join("\n");
}

function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData };
}

function defined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The locations that `--location` names; `recorded` (`namespace/name`) is what the record calls it. @throws {Usage} */
export async function bootstrapLocation(
  given: string,
  recorded: string,
  { aws }: Config,
): Promise<readonly BackupStorageLocation[]> {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined) return await locationsOfFile(given);
  const [namespace = PACKAGED_NAMESPACE, name = "default"] = recorded.split("/");
  const metadata = { name, namespace };
  const base = { apiVersion: API_VERSION, kind: "BackupStorageLocation", metadata } as const;
  if (url.protocol === "file:") {
    return [
      {
        ...base,
        spec: { provider: "filesystem", default: true, filesystem: { path: decodeURIComponent(url.pathname) } },
      },
    ];
  }
  if (url.protocol !== "s3:" || url.hostname === "") throw unusable(given, "begins with neither s3:// nor file://");
  const prefix = url.pathname.replace(/^\/+|\/+$/g, "");
  const unknown = [...url.searchParams.keys()].find((key) => !["region", "endpoint", "forcePathStyle"].includes(key));
  if (unknown !== undefined)
    throw unusable(given, `asks for ${unknown}; it may say region, endpoint and forcePathStyle`);
  const [region, endpoint] = [url.searchParams.get("region"), url.searchParams.get("endpoint")];
  const s3 = {
    bucket: url.hostname,
    ...(prefix === "" ? {} : { prefix }),
    ...(region === null ? {} : { region }),
    ...(endpoint === null ? {} : { endpoint }),
    ...(url.searchParams.get("forcePathStyle") === "true" ? { forcePathStyle: true } : {}),
    ...(aws.accessKeyId === undefined ? {} : { credentialsSecretRef: { name: BUCKET_SECRET } }),
  };
  return [{ ...base, spec: { provider: "s3", default: true, s3 } }];
}

async function locationsOfFile(path: string): Promise<readonly BackupStorageLocation[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CodedError("Usage", { argument: "--location" }, `${path} is neither a URL nor a file that can be read`, {
      cause,
    });
  });
  const objects = parseAllDocuments(text).map((document) => document.toJS() as BackupStorageLocation | null);
  const locations = objects.filter((object) => object?.kind === "BackupStorageLocation") as BackupStorageLocation[];
  if (locations.length === 0) throw unusable(path, "holds no BackupStorageLocation");
  return locations.map((location) => ({
    ...location,
    metadata: { ...location.metadata, namespace: location.metadata.namespace ?? PACKAGED_NAMESPACE },
  }));
}

function unusable(given: string, why: string): CodedError {
  return new CodedError("Usage", { argument: "--location" }, `--location ${given} ${why}`);
}
