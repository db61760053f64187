/**
 * Whether a refusal can be believed. An API server that has just started answers before its authorizer and its admission
 * have read what they decide by: it forbids whatever comes, `/readyz` too (kubernetes/kubernetes#121635).
 */
import type { Clock } from "../clock.ts";
import type { HttpOutcome } from "./transport.ts";

export interface Readiness {
  /** A connection broke, or none was to be had: what answers next may have just started. */
  doubt(): void;
  /**
   * Runs a request. What a server forbids that may not be ready is asked once more when it is; undefined where it is not.
   */
  believed<T>(run: () => Promise<T>, isForbidden: (answer: T) => boolean): Promise<T | undefined>;
}

/** A restart that nobody noticed takes about as long. */
const KNOWN_FOR_MS = 5_000;

/** `get` sends one request for a path. */
export function createReadiness(
  clock: Pick<Clock, "monotonic">,
  get: (path: string) => Promise<HttpOutcome>,
): Readiness {
  let knownUntil = Number.NEGATIVE_INFINITY;
  let doubts = 0;
  let asking: Promise<boolean> | undefined;

  async function asked(): Promise<boolean> {
    const [before, began] = [doubts, clock.monotonic()];
    const isReady = await isReadyNow(get);
    if (isReady && doubts === before) knownUntil = began + KNOWN_FOR_MS;
    return isReady;
  }

  /** Those who ask meanwhile share the answer. */
  function ask(): Promise<boolean> {
    asking ??= asked().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  const isKnown = (): boolean => clock.monotonic() < knownUntil;

  return {
    doubt() {
      knownUntil = Number.NEGATIVE_INFINITY;
      doubts += 1;
    },
    async believed(run, isForbidden) {
      const wasKnown = isKnown();
      const answer = await run();
      if (!isForbidden(answer) || (wasKnown && isKnown())) return answer;
      return (await ask()) ? await run() : undefined;
    },
  };
}

type Verdict = "yes" | "no" | "forbidden";

async function isReadyNow(get: (path: string) => Promise<HttpOutcome>): Promise<boolean> {
  const verdict = async (path: string): Promise<Verdict> => {
    const outcome = await get(path);
    if (outcome.type === "lost" || outcome.status >= 500) return "no";
    return outcome.status === 403 ? "forbidden" : "yes";
  };
  const first = await verdict("/readyz");
  if (first !== "forbidden") return first === "yes";
  // Every user may read both, but somebody may have closed the first to all: where the second is open, roles are known.
  if ((await verdict("/api")) !== "yes") return false;
  return (await verdict("/readyz")) !== "no";
}
