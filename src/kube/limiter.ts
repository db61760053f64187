import type { Clock } from "../clock.ts";

/** How hard the client may lean on the API server. */
export interface LimiterOptions {
  /** Requests in flight at once. */
  readonly maxInFlight: number;
  /** Requests started a second, over time; absent: not limited. */
  readonly requestsPerSecond?: number | undefined;
  /** How many may start at once after a quiet time; `requestsPerSecond` unless told. */
  readonly burst?: number | undefined;
}

/** One gate that all requests of a client pass. */
export interface Limiter {
  /** Resolves when a request may start; undefined when it may start now. Rejects with the signal's reason. */
  acquire(signal?: AbortSignal): Promise<void> | undefined;
  /** The request is over. `throttled`: the server answered 429, or 503 with Retry-After. */
  release(throttled: boolean): void;
  /** No request starts for `ms`: the server asked for it. */
  pauseFor(ms: number): void;
  /** Requests allowed in flight right now. */
  readonly allowed: number;
}

/** At most one halving in this time: one overload answers many requests at once with 429. */
const HALVING_INTERVAL_MS = 1_000;

/**
 * Bounds requests in flight, additively increased and halved on 429 as TCP does, and their rate by a token bucket. First
 * come, first served.
 */
export function createLimiter(options: LimiterOptions, clock: Clock): Limiter {
  const bucket = createBucket(options, clock);
  const waiting: Waiter[] = [];
  let head = 0;
  let inFlight = 0;
  let allowed = options.maxInFlight;
  let pausedUntil = 0;
  let lastHalving = Number.NEGATIVE_INFINITY;
  let timerSet = false;

  function msUntilNext(): number {
    if (inFlight >= Math.floor(allowed)) return Number.POSITIVE_INFINITY;
    return Math.max(pausedUntil - clock.monotonic(), bucket.msUntilToken());
  }

  function start(): void {
    inFlight++;
    bucket.take();
  }

  function admit(): void {
    while (head < waiting.length) {
      const waiter = waiting[head];
      if (waiter === undefined || waiter.gone) {
        head++;
        continue;
      }
      const ms = msUntilNext();
      if (ms > 0) {
        if (Number.isFinite(ms)) wakeIn(ms);
        break;
      }
      head++;
      start();
      waiter.go();
    }
    if (head > 1_024 || head === waiting.length) {
      waiting.splice(0, head);
      head = 0;
    }
  }

  function wakeIn(ms: number): void {
    if (timerSet) return;
    timerSet = true;
    void clock.sleep(Math.ceil(ms)).then(() => {
      timerSet = false;
      admit();
    });
  }

  return {
    acquire(signal) {
      if (head === waiting.length && msUntilNext() <= 0) {
        start();
        return undefined;
      }
      const { promise, waiter } = createWaiter(signal);
      waiting.push(waiter);
      admit();
      return promise;
    },
    release(throttled) {
      inFlight--;
      if (throttled && clock.monotonic() - lastHalving >= HALVING_INTERVAL_MS) {
        lastHalving = clock.monotonic();
        allowed = Math.max(1, allowed / 2);
      } else if (!throttled && allowed < options.maxInFlight) {
        allowed = Math.min(options.maxInFlight, allowed + 1 / allowed);
      }
      admit();
    },
    pauseFor(ms) {
      pausedUntil = Math.max(pausedUntil, clock.monotonic() + ms);
    },
    get allowed() {
      return Math.floor(allowed);
    },
  };
}

interface Waiter {
  gone: boolean;
  go(): void;
}

function createWaiter(signal: AbortSignal | undefined): { promise: Promise<void>; waiter: Waiter } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => {
    waiter.gone = true;
    reject(signal?.reason);
  };
  const waiter: Waiter = {
    gone: false,
    go: () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    },
  };
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return { promise, waiter };
}

interface Bucket {
  msUntilToken(): number;
  take(): void;
}

function createBucket(options: LimiterOptions, clock: Clock): Bucket {
  const rate = options.requestsPerSecond;
  if (rate === undefined) return { msUntilToken: () => 0, take: () => {} };
  const size = Math.max(1, options.burst ?? rate);
  let tokens = size;
  let filledAt = clock.monotonic();
  const fill = (): void => {
    const now = clock.monotonic();
    tokens = Math.min(size, tokens + ((now - filledAt) / 1_000) * rate);
    filledAt = now;
  };
  return {
    msUntilToken() {
      fill();
      return tokens >= 1 ? 0 : ((1 - tokens) / rate) * 1_000;
    },
    take() {
      tokens -= 1;
    },
  };
}
