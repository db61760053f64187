import type { S3Client } from "@aws-sdk/client-s3";
import { CodedError, messageOf } from "../errors.ts";
import { checkEndpoint, type S3Credentials, type S3StoreOptions, s3Location, sendsChecksums } from "./s3-options.ts";

/** The parts of the SDK that this folder uses; loaded when a store is first used, since they take 30 MB. */
export type S3Sdk = typeof import("@aws-sdk/client-s3");

/** A connection of one store. */
export interface S3Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
}

/** No answer begun after this is a failure worth another try; a whole upload of a part must fit. */
const REQUEST_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** More than any reader or writer here has under way at once. */
const MAX_SOCKETS = 32;

/** Loads the SDK and makes a client. @throws {InvalidSpec} for an endpoint that can't be one. */
export async function connectS3(options: S3StoreOptions): Promise<S3Connection> {
  const endpoint = options.endpoint === undefined ? undefined : checkEndpoint(options.endpoint);
  const [sdk, http, https, tls] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("node:http"),
    import("node:https"),
    import("node:tls"),
  ]);
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const ca = options.caBundle === undefined ? {} : { ca: [...tls.rootCertificates, options.caBundle] };
  const checksums = sendsChecksums(options) ? "WHEN_SUPPORTED" : "WHEN_REQUIRED";
  const client = new sdk.S3Client({
    region: options.region ?? "us-east-1",
    ...(endpoint && { endpoint: endpoint.href }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    ...(options.credentials && { credentials: namingFailure(options.credentials, s3Location(options)) }),
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    maxAttempts: options.maxAttempts ?? 5,
    retryMode: "standard",
    followRegionRedirects: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: new http.Agent(agent),
      httpsAgent: new https.Agent({ ...agent, ...ca }),
    },
  });
  return { sdk, client };
}

/** A provider that fails is a matter of access, whatever it threw. */
function namingFailure(credentials: S3Credentials, location: string): S3Credentials {
  if (typeof credentials !== "function") return credentials;
  return async () => {
    try {
      return await credentials();
    } catch (error) {
      const message = `${location}: the credentials cannot be read: ${messageOf(error)}`;
      throw error instanceof CodedError ? error : new CodedError("StoreAuth", { location }, message, { cause: error });
    }
  };
}
