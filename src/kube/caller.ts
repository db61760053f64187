import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { CredentialSource, Credentials } from "./credentials.ts";
import type { Limiter } from "./limiter.ts";
import type { PageMemory } from "./page-memory.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { isThrottled, type RetryLimits, retryDelayMs } from "./retry.ts";
import { errorOf, errorOfLoss } from "./status.ts";
import {
  exchange,
  type HttpAnswer,
  type HttpOutcome,
  type HttpRequest,
  type HttpStream,
  openStream,
} from "./transport.ts";

/** One request as the client thinks of it: what it is for, and whether doing it twice would hurt. */
export interface Call {
  /** The verb for messages: `get`, `list`, `create`. */
  readonly did: string;
  /** What it is about, for messages: `configmaps shop/settings`. */
  readonly ref: string;
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly accept?: string | undefined;
  readonly body?: Buffer;
  readonly contentType?: string | undefined;
  /** True where a second try is harmless though the first may have been done. */
  readonly repeatable: boolean;
  /** True where the caller would rather ask for less than wait as long once more: time-outs come back at once. */
  readonly shrinkable?: boolean | undefined;
  /** False where an answer is worth a few seconds only; an outage is then told rather than waited out. */
  readonly patient?: boolean | undefined;
  /** Called when a try is repeated though it may have been done. */
  readonly onDoubt?: () => void;
  readonly timeoutMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly expectedBytes?: number | undefined;
  readonly memory?: PageMemory | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What happened to one HTTP exchange, for metrics and for tests that count requests. */
export interface CallObservation {
  readonly method: string;
  readonly path: string;
  /** 0: no answer. */
  readonly status: number;
  readonly ms: number;
}

export interface CallerOptions extends RetryLimits {
  readonly requestTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly acceptEncoding: "identity" | "gzip";
  readonly userAgent: string;
  readonly observe?: ((seen: CallObservation) => void) | undefined;
}

/** Sends calls through the limiter, again where that is safe and of use. */
export interface Caller {
  /** The last outcome, when trying again is over or would not be safe. Rejects only with the signal's reason or KubeConfigInvalid. */
  attempt(call: Call): Promise<HttpOutcome>;
  /** A success, else an error. @throws {KubeUnavailable, KubeForbidden, KubeNotFound, KubeConflict, KubeExists, KubeRejected, KubeExpired} */
  demand(call: Call): Promise<HttpAnswer>;
  /** Runs a request of another kind, and again where a server that was not ready forbade it; undefined: it still is not. */
  readonly believed: Readiness["believed"];
  /** One try at an answer that goes on and on; outside the limiter, since it may last for minutes. @throws as `demand` */
  stream(call: Call): Promise<HttpStream>;
}

export interface CallerDeps {
  readonly credentials: CredentialSource;
  readonly limiter: Limiter;
  readonly clock: Clock;
  readonly log: Logger;
}

const READY_TIMEOUT_MS = 10_000;
/** After a 429 all requests wait, but one odd answer does not stop the client for minutes. */
const LONGEST_PAUSE_MS = 10_000;

/** Sends calls with the credentials of the moment. */
export function createCaller(deps: CallerDeps, options: CallerOptions): Caller {
  let contacted = false;
  const impatient = {
    retryForMs: Math.min(options.retryForMs, options.firstContactMs),
    firstContactMs: options.firstContactMs,
  };

  async function send(call: Call, credentials: Credentials): Promise<HttpOutcome> {
    const began = deps.clock.monotonic();
    const outcome = await exchange(credentials, requestOf(call, options));
    const status = outcome.type === "answered" ? outcome.status : 0;
    contacted ||= status !== 0;
    options.observe?.({ method: call.method, path: call.path, status, ms: deps.clock.monotonic() - began });
    return outcome;
  }

  async function once(call: Call, credentials: Credentials): Promise<HttpOutcome> {
    const waiting = deps.limiter.acquire(call.signal);
    if (waiting !== undefined) await waiting;
    let throttled = false;
    try {
      const outcome = await send(call, credentials);
      throttled = isThrottled(outcome);
      if (isBroken(outcome)) readiness.doubt();
      return outcome;
    } finally {
      deps.limiter.release(throttled);
    }
  }

  // Outside the limiter: others wait for the answer.
  const readiness = createReadiness(deps.clock, async (path) => {
    const call: Call = { did: "get", ref: path, method: "GET", path, repeatable: true, timeoutMs: READY_TIMEOUT_MS };
    return await send(call, await deps.credentials.current());
  });

  /** One try; a 401 gets a second one with fresh credentials. */
  async function authenticated(call: Call): Promise<HttpOutcome> {
    const credentials = await deps.credentials.current();
    const outcome = await once(call, credentials);
    if (outcome.type !== "answered" || outcome.status !== 401) return outcome;
    return once(call, await deps.credentials.renew(credentials));
  }

  /** The wait before this call is tried again; undefined: the outcome stands. */
  function waitAfter(outcome: HttpOutcome, call: Call, failures: number, elapsedMs: number): number | undefined {
    const repeatable = call.repeatable && !(call.shrinkable === true && timedOut(outcome));
    const state = { failures, elapsedMs, contacted, repeatable, isWrite: call.method !== "GET", random: Math.random() };
    return retryDelayMs(outcome, state, call.patient === false ? impatient : options);
  }

  /** One try; what a server forbids before it is ready is no answer. */
  async function believed(call: Call): Promise<HttpOutcome> {
    const outcome = await readiness.believed(
      () => authenticated(call),
      (each) => each.type === "answered" && each.status === 403,
    );
    return (
      outcome ?? { type: "lost", why: "connect", sent: false, cause: new Error("it is not ready yet, and forbids all") }
    );
  }

  async function attempt(call: Call): Promise<HttpOutcome> {
    let firstFailure: number | undefined;
    for (let failures = 1; ; failures++) {
      const outcome = await believed(call);
      if (outcome.type === "answered" && outcome.status < 400) return outcome;
      firstFailure ??= deps.clock.monotonic();
      const waitMs = waitAfter(outcome, call, failures, deps.clock.monotonic() - firstFailure);
      if (waitMs === undefined) return outcome;
      if (mayHaveBeenDone(outcome)) call.onDoubt?.();
      if (isThrottled(outcome)) deps.limiter.pauseFor(Math.min(waitMs, LONGEST_PAUSE_MS));
      deps.log.debug(
        { ref: call.ref, did: call.did, failures, waitMs, ...told(outcome) },
        "API request is tried again",
      );
      await deps.clock.sleep(waitMs, call.signal);
    }
  }

  return {
    attempt,
    believed: readiness.believed,
    async demand(call) {
      const outcome = await attempt(call);
      if (outcome.type === "lost") throw errorOfLoss(call.did, call.ref, outcome);
      if (outcome.status >= 300) throw errorOf(call.did, call.ref, outcome);
      return outcome;
    },
    async stream(call) {
      const credentials = await deps.credentials.current();
      const request = { ...requestOf(call, options), headTimeoutMs: options.requestTimeoutMs };
      const opened = await openStream(credentials, request);
      if (opened.type === "lost") {
        readiness.doubt();
        throw errorOfLoss(call.did, call.ref, opened);
      }
      contacted = true;
      opened.body.once("error", () => readiness.doubt());
      if (opened.status < 300) return opened;
      const body = await opened.body.toArray().catch(() => []);
      if (opened.status === 401) await deps.credentials.renew(credentials);
      throw errorOf(call.did, call.ref, {
        type: "answered",
        status: opened.status,
        headers: opened.headers,
        body: Buffer.concat(body),
      });
    },
  };
}

function requestOf(call: Call, options: CallerOptions): HttpRequest {
  return {
    method: call.method,
    path: call.path,
    headers: {
      accept: call.accept ?? "application/json",
      "accept-encoding": options.acceptEncoding,
      "user-agent": options.userAgent,
      ...(call.contentType === undefined ? {} : { "content-type": call.contentType }),
    },
    timeoutMs: call.timeoutMs ?? options.requestTimeoutMs,
    maxBytes: call.maxBytes ?? options.maxAnswerBytes,
    ...(call.body === undefined ? {} : { body: call.body }),
    ...(call.expectedBytes === undefined ? {} : { expectedBytes: call.expectedBytes }),
    ...(call.memory === undefined ? {} : { memory: call.memory }),
    signal: call.signal,
  };
}

/** True where what answers next may be a server that has just started. */
function isBroken(outcome: HttpOutcome): boolean {
  return outcome.type === "lost" ? outcome.why === "connect" || outcome.why === "reset" : outcome.status >= 500;
}

/** Only a refusal (429) and a request that never left are surely not done. */
function mayHaveBeenDone(outcome: HttpOutcome): boolean {
  return outcome.type === "lost" ? outcome.sent : outcome.status !== 429;
}

function timedOut(outcome: HttpOutcome): boolean {
  return outcome.type === "lost" ? outcome.why === "timeout" : outcome.status === 504;
}

function told(outcome: HttpOutcome): object {
  return outcome.type === "answered" ? { status: outcome.status } : { why: outcome.why };
}
