import { parseJson } from "../api/json.ts";
import { CodedError } from "../errors.ts";
import type { HttpAnswer, HttpLoss } from "./transport.ts";

/** The parts of a `Status` answer that decide something (API conventions, "Response Status Kind"). */
export interface KubeStatus {
  readonly reason: string;
  readonly message: string;
  /** Machine-readable causes, such as `NamespaceTerminating` or `FieldValueInvalid`. */
  readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
  /** The name the server gave the failing object; "" where it named none. */
  readonly name: string;
  /** From a 410 in the middle of a LIST: goes on at another resourceVersion. */
  readonly continueToken: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

/** Reads a `Status` body; an answer that is none (a gateway's HTML) gives its first words as the message. */
export function readStatus(answer: HttpAnswer): KubeStatus {
  const body = parsedStatus(answer.body);
  const details = record(body?.details);
  const causes = Array.isArray(details.causes) ? details.causes.map(record) : [];
  return {
    reason: text(body?.reason),
    message:
      text(body?.message) ||
      (body === undefined ? answer.body.toString("utf8", 0, 300).trim() : "") ||
      `HTTP ${answer.status}`,
    causes: causes.map((cause) => ({
      reason: text(cause.reason),
      message: text(cause.message),
      field: text(cause.field),
    })),
    name: text(details.name),
    continueToken: text(record(body?.metadata).continue) || undefined,
    retryAfterSeconds: typeof details.retryAfterSeconds === "number" ? details.retryAfterSeconds : undefined,
  };
}

/** Translates an answer that is no success, once, here. `did` is the verb for the message, such as `create`. */
export function errorOf(did: string, ref: string, answer: HttpAnswer): CodedError {
  const status = readStatus(answer);
  const told = `cannot ${did} ${ref}: ${status.message}`;
  switch (answer.status) {
    case 401:
    case 403:
      return new CodedError("KubeForbidden", { ref, status: answer.status, ...(forbiddenReason(status) ?? {}) }, told);
    case 404:
      return new CodedError("KubeNotFound", { ref }, told);
    case 409:
      return status.reason === "AlreadyExists"
        ? new CodedError("KubeExists", { ref }, told)
        : new CodedError("KubeConflict", { ref }, told);
    case 410:
      return new CodedError("KubeExpired", { ref, continueToken: status.continueToken }, told);
    case 429:
      return new CodedError(
        "KubeUnavailable",
        { ref },
        `cannot ${did} ${ref}: the API server is overloaded: ${status.message}`,
      );
    default:
      if (answer.status >= 500 && status.reason !== "InternalError")
        return new CodedError("KubeUnavailable", { ref }, told);
      return new CodedError("KubeRejected", { ref, status: answer.status, reason: status.reason }, told);
  }
}

/** Translates an answer that says success and is no JSON. */
export function errorOfGarble(ref: string, cause: unknown): CodedError {
  const details = { ref, status: 200, reason: "NotJson" };
  return new CodedError("KubeRejected", details, `the answer about ${ref} is no JSON`, { cause });
}

/** Translates a request that got no answer. */
export function errorOfLoss(did: string, ref: string, loss: HttpLoss): CodedError {
  if (loss.why === "tooLarge") {
    return new CodedError(
      "KubeRejected",
      { ref, status: 200, reason: "AnswerTooLarge" },
      `cannot ${did} ${ref}: ${loss.cause.message}`,
      { cause: loss.cause },
    );
  }
  const where =
    loss.why === "certificate" ? "the API server's certificate is not trusted" : "the API server cannot be reached";
  const doubt = loss.sent && did !== "get" && did !== "list" ? "; whether it was done is unknown" : "";
  return new CodedError("KubeUnavailable", { ref }, `cannot ${did} ${ref}: ${where}: ${loss.cause.message}${doubt}`, {
    cause: loss.cause,
  });
}

/**
 * True when a JSON Patch failed a `test` or a path. The server answers 422 for both this and an invalid result, and only
 * the latter names the object and the fields (apiserver `patch.go`, `NewGenericServerResponse`).
 */
export function isFailedPatchTest(answer: HttpAnswer): boolean {
  if (answer.status !== 422) return false;
  const status = readStatus(answer);
  return status.causes.length === 0 && status.name === "";
}

function forbiddenReason(status: KubeStatus): { reason: string } | undefined {
  const reason = status.causes[0]?.reason;
  return reason ? { reason } : undefined;
}

function parsedStatus(body: Buffer): Record<string, unknown> | undefined {
  if (body.length === 0) return undefined;
  try {
    const value = record(parseJson(body));
    return value.kind === "Status" ? value : undefined;
  } catch {
    return undefined; // a gateway's own page
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
