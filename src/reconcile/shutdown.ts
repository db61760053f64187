import { CodedError, isCoded } from "../errors.ts";

const SHUTDOWN = "run";

/** What a run is ended with when the process is asked to stop. */
export function shutdownError(): CodedError {
  return new CodedError("Cancelled", { what: SHUTDOWN }, "Holdfast is shutting down");
}

/** True when the signal was aborted by a shutdown, and not by a person who cancelled the run. */
export function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && isShutdownReason(signal.reason);
}

/** The same of the reason itself. */
export function isShutdownReason(reason: unknown): boolean {
  return isCoded(reason, "Cancelled") && reason.data.what === SHUTDOWN;
}
