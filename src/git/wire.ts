/**
 * One conversation with a remote: a few requests under one deadline, counted and capped. HTTP and local repositories
 * both speak through it, so that everything above is the same for both.
 */
import { CodedError } from "../errors.ts";
import type { GitLimits, GitTraffic } from "./remote.ts";

/** One request of a conversation; `url` begins with the conversation's own. */
export interface WireRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface WireResponse {
  url: string;
  method: string;
  statusCode: number;
  statusMessage: string;
  headers: Record<string, string>;
  body: AsyncIterableIterator<Uint8Array>;
}

export interface Wire {
  readonly url: string;
  /** Ends when the operation does: at its deadline, at the caller's abort, at `end`. */
  readonly signal: AbortSignal;
  /** Answers are 200 or an error is thrown. @throws {GitAuth | GitNotFound | GitUnreachable | GitTimeout | GitRedirectRefused | GitTooLarge} */
  request(request: WireRequest): Promise<WireResponse>;
  /** Closes what is still open and reports the traffic. Call it always, once. */
  end(): void;
}

export interface Transport {
  readonly url: string;
  begin(operation: GitTraffic["operation"], signal?: AbortSignal): Wire;
  close(): void;
}

/** The running totals of an operation, and the one signal that ends all its requests. */
export interface WireMeter {
  readonly signal: AbortSignal;
  requested(): void;
  sent(bytes: number): void;
  /** @throws {GitTooLarge} beyond the cap */
  received(bytes: number): void;
  end(): void;
}

export interface MeterOptions {
  readonly operation: GitTraffic["operation"];
  readonly url: string;
  readonly limits: GitLimits;
  readonly signal: AbortSignal | undefined;
  readonly onTraffic: ((traffic: GitTraffic) => void) | undefined;
}

/** Starts the clock of one operation. */
export function startMeter(options: MeterOptions): WireMeter {
  const { url, limits } = options;
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(options.signal?.reason);
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const deadline = setTimeout(() => controller.abort(timeoutError(url, limits.wholeMs, "in all")), limits.wholeMs);
  let requests = 0;
  let sentBytes = 0;
  let receivedBytes = 0;
  return {
    signal: controller.signal,
    requested: () => {
      requests += 1;
    },
    sent: (bytes) => {
      sentBytes += bytes;
    },
    received: (bytes) => {
      receivedBytes += bytes;
      if (receivedBytes > limits.maxBytes) throw tooLarge(url, limits.maxBytes);
    },
    end: () => {
      clearTimeout(deadline);
      options.signal?.removeEventListener("abort", onAbort);
      controller.abort(new CodedError("Cancelled", { what: url }, `the conversation with ${url} is over`));
      options.onTraffic?.({ operation: options.operation, requests, sentBytes, receivedBytes });
    },
  };
}

/** GitTimeout in words: which silence or length it was that took too long. */
export function timeoutError(url: string, afterMs: number, what: string): CodedError {
  return new CodedError("GitTimeout", { url, afterMs }, `${url} took longer than ${afterMs / 1000} s ${what}`);
}

function tooLarge(url: string, limitBytes: number): CodedError {
  const mib = Math.round(limitBytes / 1024 / 1024);
  return new CodedError(
    "GitTooLarge",
    { url, limitBytes },
    `${url} sent more than ${mib} MiB for one fetch; it was ended`,
  );
}
