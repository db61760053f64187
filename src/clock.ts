/** The time, as an argument: everything that needs a clock is given one, so that tests can hold it still. */
export interface Clock {
  /** Wall time in ms since the epoch, UTC. */
  now(): number;
  /** Monotonic ms, for deadlines: a step of the wall clock doesn't move it. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** RFC 3339 in UTC with second precision, as Kubernetes and Velero write times. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `YYYYMMDDhhmmss` in UTC: the time part of backup and run names. */
export function compactTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "");
}
