import type { HttpOutcome } from "./transport.ts";

/** How long the client keeps trying before it calls the server unavailable. */
export interface RetryLimits {
  /** From the first failure on, in ms. Outages of the API server shorter than this go unnoticed. */
  readonly retryForMs: number;
  /** The same, until the server has answered once, in ms: by then it is a wrong address rather than an outage. */
  readonly firstContactMs: number;
}

export interface RetryState {
  /** How often this request has failed already, this time included. */
  readonly failures: number;
  /** Since its first failure, in ms. */
  readonly elapsedMs: number;
  /** Whether the server has ever answered this client. */
  readonly contacted: boolean;
  /** Whether repeating is harmless even where the first try may have been done. */
  readonly repeatable: boolean;
  readonly isWrite: boolean;
  /** In [0, 1). */
  readonly random: number;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 8_000;
/** Internal errors are mostly lasting (a broken webhook, an unreadable object): they get fewer tries than an outage. */
const INTERNAL_ERROR_TRIES = { read: 4, write: 2 } as const;

/** The wait before the next try, in ms, or undefined when the outcome stands. */
export function retryDelayMs(outcome: HttpOutcome, state: RetryState, limits: RetryLimits): number | undefined {
  if (!isRetryable(outcome, state)) return undefined;
  const asked = outcome.type === "answered" ? retryAfterMs(outcome.headers["retry-after"]) : undefined;
  const backoff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (state.failures - 1)) * state.random;
  // never before the time the server asked for; the jitter goes on top, so that a herd does not come back as one
  const wait = asked === undefined ? backoff : asked + Math.min(backoff, 1_000);
  const budget = state.contacted ? limits.retryForMs : limits.firstContactMs;
  return state.elapsedMs + wait > budget ? undefined : wait;
}

/** True when the server said that it is asked too much. */
export function isThrottled(outcome: HttpOutcome): boolean {
  if (outcome.type !== "answered") return false;
  return outcome.status === 429 || (outcome.status === 503 && outcome.headers["retry-after"] !== undefined);
}

/** `Retry-After` in ms; undefined when there is none, or a date (the API server sends seconds). */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d+$/.test(header.trim())) return undefined;
  return Math.min(Number(header) * 1_000, 120_000);
}

function isRetryable(outcome: HttpOutcome, state: RetryState): boolean {
  if (outcome.type === "lost") {
    if (outcome.why === "certificate" || outcome.why === "tooLarge") return false;
    return !outcome.sent || state.repeatable;
  }
  if (outcome.status === 429) return true; // refused before anything was done
  if (!state.repeatable) return false;
  if (outcome.status === 500) return state.failures < INTERNAL_ERROR_TRIES[state.isWrite ? "write" : "read"];
  return outcome.status === 502 || outcome.status === 503 || outcome.status === 504;
}
