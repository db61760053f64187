import { CodedError, messageOf } from "../errors.ts";

/** Where an S3 call failed. */
export interface S3Failure {
  readonly location: string;
  readonly key: string;
  /** For people: `write`, `read`, `list`, `delete`. */
  readonly action: string;
}

const NO_BUCKET = new Set(["NoSuchBucket", "InvalidBucketName"]);
const NO_AUTH = new Set([
  "AccessDenied",
  "AllAccessDisabled",
  "CredentialsProviderError",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidToken",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
  "TokenProviderError",
  "XAdminUserNotFound", // versitygw's InvalidAccessKeyId, as a 404
]);
const FULL = new Set([
  "InsufficientStorage",
  "QuotaExceeded",
  "ServiceQuotaExceeded",
  "StorageFull",
  "XMinioStorageFull",
]);
const WRONG_REGION = new Set(["AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"]);

/** The endpoint's own name of a failure (`NoSuchKey`), or Node's (`ECONNREFUSED`). */
export function s3ErrorName(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { name } = error;
  const code = "Code" in error ? error.Code : "code" in error ? error.code : undefined;
  return name === "Error" || name === "UnknownError" ? String(code ?? name) : name;
}

/** The HTTP status of an answer, or 0 when there was none. */
export function s3Status(error: unknown): number {
  if (!(error instanceof Error) || !("$metadata" in error)) return 0;
  const metadata = error.$metadata as { readonly httpStatusCode?: number } | undefined;
  return metadata?.httpStatusCode ?? 0;
}

/** True for the answers to a condition that did not hold. 409: another conditional write is under way. */
export function isConditionFailed(error: unknown): boolean {
  return s3Status(error) === 412 || s3ErrorName(error) === "PreconditionFailed";
}

/** True when another conditional write to the same key is under way, whose outcome is open. */
export function isConditionalConflict(error: unknown): boolean {
  return s3Status(error) === 409 && s3ErrorName(error) !== "NoSuchBucket";
}

/** True for an answer that says the object, and nothing else, is missing. */
export function isObjectMissing(error: unknown): boolean {
  return s3ErrorName(error) === "NoSuchKey";
}

/**
 * True for a HEAD's 404. It has no body, so it may as well stand for a missing bucket or, on versitygw, for a wrong
 * access key; whoever believes it takes an outage for an empty location.
 */
export function isAmbiguousMiss(error: unknown): boolean {
  return s3Status(error) === 404;
}

/** Translates what the SDK threw; an abort and errors of ours pass as they are. */
export function fromS3Error(error: unknown, failure: S3Failure, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  // The SDK marks what it throws; the rest is the body's own failure, or a mistake of ours.
  if (error instanceof CodedError || !(error instanceof Error) || !isFromSdk(error)) return error;
  const name = s3ErrorName(error);
  const status = s3Status(error);
  const { location, key } = failure;
  const at = `${location}: cannot ${failure.action}${key === "" ? "" : ` ${key}`}`;
  const options = { cause: error };
  if (NO_BUCKET.has(name)) {
    return new CodedError(
      "StoreBucketMissing",
      { location },
      `${location}: there is no such bucket (${name}): make it, or correct its name`,
      options,
    );
  }
  if (name === "NotImplemented" || status === 501) {
    return new CodedError(
      "StoreConditionIgnored",
      { key },
      `${at}: the endpoint has not implemented conditional writes (${name})`,
      options,
    );
  }
  if (WRONG_REGION.has(name) || status === 301) {
    return new CodedError(
      "StoreUnreachable",
      { location },
      `${at}: the bucket is in another region (${name}): correct the location's region or endpoint`,
      options,
    );
  }
  if (NO_AUTH.has(name) || status === 401 || status === 403) {
    return new CodedError("StoreAuth", { location }, `${at}: ${authReason(name, error)}`, options);
  }
  if (FULL.has(name) || status === 507) {
    return new CodedError(
      "StoreFull",
      { location },
      `${at}: no space is left or the quota is used up (${name})`,
      options,
    );
  }
  if (isObjectMissing(error)) {
    return new CodedError("StoreObjectMissing", { key }, `${location} has no object ${key}`, options);
  }
  const answer =
    status === 0
      ? `no answer (${name}: ${messageOf(error)}): check the location's endpoint and the network`
      : `HTTP ${status} ${name}: ${messageOf(error)}`;
  return new CodedError("StoreUnreachable", { location }, `${at}: ${answer}`, options);
}

function isFromSdk(error: Error): boolean {
  return (
    "$metadata" in error ||
    "syscall" in error ||
    /^(TimeoutError|CredentialsProviderError|TokenProviderError)$/.test(error.name)
  );
}

function authReason(name: string, error: Error): string {
  if (name === "RequestTimeTooSkewed") return "the clocks of this machine and of the endpoint differ too much";
  return `access is denied (${name}: ${messageOf(error)}): check the location's credentials and their rights on the bucket`;
}
