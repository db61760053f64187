import type { IncomingHttpHeaders } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { Credentials } from "./credentials.ts";
import type { HttpLoss, HttpRequest } from "./transport.ts";

/** What one exchange tells, in this order: a head, chunks, and its end, or at any point that it is lost. */
export interface Receiver {
  onHead(status: number, headers: IncomingHttpHeaders, flow: Flow): void;
  onChunk(chunk: Buffer): void;
  onEnd(): void;
  /** Told once, and nothing after it; not where the caller has aborted by itself. */
  onLost(loss: HttpLoss): void;
}

/** Lets the connection wait while nobody reads. */
export type Flow = Pick<Dispatcher.DispatchController, "pause" | "resume">;

/** One request on its way. */
export interface Sent {
  /** Ends it without a word to the receiver. */
  abort(reason: Error): void;
}

/** Sends one request with its time-outs; bytes only. @throws the signal's reason, where it is aborted already */
export function send(credentials: Credentials, request: HttpRequest, receiver: Receiver): Sent {
  const { signal } = request;
  signal?.throwIfAborted();
  /** There from when a connection is: only then can the server have seen anything. */
  let controller: Dispatcher.DispatchController | undefined;
  let gaveUp: Error | undefined;
  let isOver = false;

  const giveUpIn = (ms: number) => setTimeout(() => lose(timeoutError(ms)), ms);
  const whole = giveUpIn(request.timeoutMs);
  const head = request.headTimeoutMs === undefined ? undefined : giveUpIn(request.headTimeoutMs);
  const onAbort = (): void => lose(asError(signal?.reason));
  signal?.addEventListener("abort", onAbort);

  function settle(): boolean {
    if (isOver) return false;
    isOver = true;
    clearTimeout(whole);
    clearTimeout(head);
    signal?.removeEventListener("abort", onAbort);
    return true;
  }

  function abort(reason: Error): void {
    gaveUp = reason;
    settle();
    controller?.abort(reason);
  }

  /** By a timer or the signal, which are both gone once it is over. */
  function lose(error: Error): void {
    abort(error);
    receiver.onLost(lossOf(error, controller !== undefined));
  }

  credentials.connections.dispatch(
    {
      origin: credentials.origin.origin,
      path: credentials.pathPrefix + request.path,
      method: request.method,
      headers: { ...credentials.headers, ...request.headers },
      body: request.body ?? null,
    },
    {
      onRequestStart(started) {
        if (gaveUp === undefined) controller = started;
        else started.abort(gaveUp);
      },
      onResponseStart(started, status, headers) {
        if (status < 200) return; // the answer itself comes behind it
        clearTimeout(head);
        if (!isOver) receiver.onHead(status, headers, started);
      },
      onResponseData(_started, chunk) {
        if (!isOver) receiver.onChunk(chunk);
      },
      onResponseEnd() {
        if (settle()) onceFree(receiver.onEnd);
      },
      onResponseError(_started, error) {
        if (settle()) receiver.onLost(lossOf(error, controller !== undefined));
      },
    },
  );
  return { abort };
}

/**
 * undici takes a connection for free one turn of the event loop behind its answer: who asked again before that would
 * have another one opened, and half of them would lie idle.
 */
function onceFree(then: () => void): void {
  process.nextTick(setImmediate, then);
}

/**
 * Until a request that was just asked for is on its way. undici looks for a turn of the event loop whether a connection
 * that lay idle still stands, before it writes: who went to work at once would keep the server waiting for all of it.
 */
export async function untilSent(): Promise<void> {
  await nextTurn(); // the turn that is under way may have had its look already
  await nextTurn();
}

function lossOf(cause: Error, sent: boolean): HttpLoss {
  if (isTimeout(cause)) return { type: "lost", why: "timeout", sent, cause };
  if (sent) return { type: "lost", why: "reset", sent, cause };
  return { type: "lost", why: isCertificateError(cause) ? "certificate" : "connect", sent, cause };
}

function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT" });
}

function isTimeout(error: Error): boolean {
  return ["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT"].includes(codeOf(error));
}

/** A certificate that doesn't verify stays so however often one asks. */
function isCertificateError(error: Error): boolean {
  return /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA)/.test(
    codeOf(error),
  );
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
