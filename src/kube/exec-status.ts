import { messageOf } from "../errors.ts";

/** How an exec came to its end. */
export type ExecEnding =
  | { readonly type: "exited"; readonly exitCode: number }
  | { readonly type: "forbidden" | "failed" | "lost" | "unreached"; readonly message: string }
  | { readonly type: "timedOut" };

/** What a kubelet sends on the error channel when the command is over (protocol v4 and v5). */
export interface ExecStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** Success, the exit code among the causes, or why the command never ran. Source: apimachinery `remotecommand`, `NonZeroExitCode`. */
export function endingOf(status: ExecStatus): ExecEnding {
  if (status.status === "Success") return { type: "exited", exitCode: 0 };
  const code = status.details?.causes?.find((cause) => cause.reason === "ExitCode")?.message;
  if (code !== undefined && /^\d+$/.test(code)) return { type: "exited", exitCode: Number(code) };
  return { type: "failed", message: messageOf(status.message ?? "the server gave no reason") };
}

/** Statuses of a server, or of a load balancer in front of it, that refuses before anything has begun. */
const REFUSED_FOR_NOW: ReadonlySet<string> = new Set(["429", "502", "503"]);
/** Failures of a connection over which nothing can have been asked. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set(["ECONNREFUSED", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** What a WebSocket that did not open means; ws gives an ErrorEvent, which is no Error. */
export function endingOfOpening(error: unknown): ExecEnding {
  const { message, error: cause } = error as { message?: unknown; error?: { code?: unknown } };
  const [, status] = /Unexpected server response: (\d+)/.exec(String(message)) ?? [];
  const isRefused = status !== undefined && REFUSED_FOR_NOW.has(status);
  const isUnconnected = NEVER_CONNECTED.has(String(cause?.code));
  const text = messageOf(message === undefined || message === "" ? (cause ?? error) : String(message));
  const type = isRefused || isUnconnected ? "unreached" : status === "403" ? "forbidden" : "failed";
  return { type, message: `cannot start the command: ${text}` };
}
