import { CodedError, messageOf, redact } from "../errors.ts";

/** Which of our failures an HTTP status is; undefined for 200. `detail` is what the server said, if it was plain text. */
export function statusError(url: string, status: number, detail: string, signedIn: boolean): CodedError | undefined {
  if (status === 200) return undefined;
  const said = detail === "" ? "" : `: ${redact(detail)}`;
  // Azure DevOps answers 203 with its sign-in page where others answer 401.
  if (status === 401 || status === 203) {
    const why = signedIn ? "refused the credentials" : "asks for credentials and none are configured";
    return new CodedError("GitAuth", { url, status }, `${url} ${why} (HTTP ${status})${said}`);
  }
  if (status === 403) {
    return new CodedError("GitAuth", { url, status }, `${url} forbids this with these credentials (HTTP 403)${said}`);
  }
  if (status === 404 || status === 410) {
    const why = "there is no repository, or the credentials may not see it";
    return new CodedError("GitNotFound", { url }, `${url}: ${why} (HTTP ${status})`);
  }
  return new CodedError("GitUnreachable", { url }, `${url} could not answer (HTTP ${status})${said}`);
}

/** A redirect that is not followed, with where it points, for the person who has to change the URL. */
export function redirectError(url: string, location: string | undefined): CodedError {
  const to = location === undefined ? "nowhere" : redact(location).replace(/\/info\/refs$/, "");
  const remedy = "credentials are not carried elsewhere; if the repository moved, change the URL";
  return new CodedError("GitRedirectRefused", { url }, `${url} redirects to ${to}: not followed, as ${remedy}`);
}

const CONNECTION_FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: "its host name does not resolve",
  EAI_AGAIN: "its host name does not resolve just now",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no route to it",
  ETIMEDOUT: "the connection timed out",
};

const CERTIFICATE_FAILURE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|TLS|SSL/;

/** Translates what the socket or TLS threw. Our own errors pass through. */
export function connectionError(url: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const code = errorCode(error);
  const known = CONNECTION_FAILURES[code];
  const why = known ?? (CERTIFICATE_FAILURE.test(code) ? certificateFailure(code) : messageOf(error));
  return new CodedError("GitUnreachable", { url }, `${url} can't be reached: ${why}`, { cause: error });
}

/** The system's name of a failure (`ECONNREFUSED`); empty when it has none. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

function certificateFailure(code: string): string {
  return `its certificate is not trusted (${code}); give the CA bundle that signed it`;
}
