import { messageOf } from "../errors.ts";

/** How an exec came to its end. */
export type ExecEnding =
  | { readonly type: "exited"; readonly exitCode: number }
  | { readonly type: "failed" | "lost"; readonly message: string }
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
