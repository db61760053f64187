import { CodedError, isCoded } from "../errors.ts";

const SHUTDOWN = "run";

/** What a run is ended with when the process is asked to stop. */
export function shutdownError(): CodedError {
  return new CodedError("Cancelled", { what: SHUTDOWN }, "Holdfast is shutting down");
}

/** True when the process had to stop, or another leads now: not a person's cancel, and so not the end of the run. */
export function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && (isShutdownReason(signal.reason) || isCoded(signal.reason, "LeaseLost"));
}

/** True of what a run is ended with when the process is asked to stop. */
export function isShutdownReason(reason: unknown): boolean {
  return isCoded(reason, "Cancelled") && reason.data.what === SHUTDOWN;
}
