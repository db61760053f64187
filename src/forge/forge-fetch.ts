/** One way to ask a forge, under all three client libraries: bounded in time, in size and in tries. */
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../errors.ts";

/** Times in ms. */
export interface FetchLimits {
  /** One request, its answer included. */
  readonly requestMs: number;
  /** From the first failure to the last try. */
  readonly retryForMs: number;
  readonly firstWaitMs: number;
}

const LIMITS: FetchLimits = { requestMs: 30_000, retryForMs: 60_000, firstWaitMs: 500 };
const LONGEST_WAIT_MS = 15_000;
/** Answers of an API; a page of a hundred pull requests has 2 MB on GitHub. */
const MAX_BYTES = 32 * 1024 * 1024;
const RETRIED = new Set([429, 500, 502, 503, 504]);

/**
 * A `fetch` that tries again what is safe to repeat: reads after any failure of the server or the network, writes where
 * the forge said that it did nothing (429, or 403 with a rate limit). It waits as long as the forge asks for, but never
 * beyond the limit. Redirects are refused: they would carry the token elsewhere.
 */
export function createForgeFetch(ending?: AbortSignal, limits: Partial<FetchLimits> = {}): typeof fetch {
  const within = { ...LIMITS, ...limits };
  return async (input, init) => {
    const given = new Request(input, init);
    const signal = ending === undefined ? given.signal : AbortSignal.any([ending, given.signal]);
    const request = new Request(given, { signal });
    const startedAt = performance.now();
    for (let failures = 1; ; failures++) {
      const answer = await once(request.clone(), within.requestMs);
      const waitMs = retryWaitMs(request.method, answer, within.firstWaitMs * 2 ** (failures - 1));
      if (waitMs === undefined || performance.now() - startedAt + waitMs > within.retryForMs) {
        if (answer instanceof Response) return await bounded(request, answer);
        throw unreachable(request.url, answer);
      }
      if (answer instanceof Response) await answer.body?.cancel();
      await sleep(waitMs, undefined, { signal });
    }
  };
}

/** How long to wait before the next try; undefined when what happened stands. */
function retryWaitMs(method: string, answer: Response | Error, backoffMs: number): number | undefined {
  const isRead = method === "GET" || method === "HEAD";
  const backoff = Math.min(LONGEST_WAIT_MS, backoffMs) * (0.5 + Math.random() / 2);
  if (!(answer instanceof Response)) return isRead ? backoff : undefined;
  if (throttled(answer) || (isRead && RETRIED.has(answer.status))) return askedWaitMs(answer) ?? backoff;
  return undefined;
}

/** The answer, or why there is none. @throws what the caller's signal was aborted with */
async function once(request: Request, requestMs: number): Promise<Response | Error> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(requestMs)]);
  try {
    return await fetch(request, { redirect: "manual", signal });
  } catch (error) {
    request.signal.throwIfAborted();
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** GitHub says 403 where others say 429; the headers tell it from a right that lacks. */
function throttled({ status, headers }: Response): boolean {
  if (status === 429) return true;
  return status === 403 && (headers.get("x-ratelimit-remaining") === "0" || headers.get("retry-after") !== null);
}

function askedWaitMs({ headers }: Response): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds * 1000;
  const resetAt = Number(headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset") ?? Number.NaN);
  const isSpent = headers.get("x-ratelimit-remaining") === "0" || headers.get("ratelimit-remaining") === "0";
  return Number.isFinite(resetAt) && isSpent ? Math.max(0, resetAt * 1000 - Date.now()) : undefined;
}

/** The answer, read whole up to a limit. */
async function bounded(request: Request, answer: Response): Promise<Response> {
  if (answer.status >= 300 && answer.status < 400) {
    const to = answer.headers.get("location") ?? "";
    const host = URL.canParse(to) ? new URL(to).host : "another address";
    throw unreachable(request.url, new Error(`it redirects to ${host}: name the repository by its own address`));
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body ?? []) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new Error("its answer is too long");
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(request.url, error);
  }
  const { status, statusText, headers } = answer;
  const body = [204, 205, 304].includes(status) ? null : Buffer.concat(chunks);
  return new Response(body, { status, statusText, headers });
}

function unreachable(url: string, error: unknown): CodedError {
  const { host } = new URL(url);
  const cause = error instanceof Error ? error : new Error(String(error));
  const deeper = cause.cause instanceof Error ? ` (${cause.cause.message})` : "";
  return new CodedError("ForgeUnreachable", { host }, `the forge ${host} can't be reached: ${cause.message}${deeper}`, {
    cause,
  });
}
