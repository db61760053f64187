/** Runs jobs with a bound on how many at once. */

/**
 * Calls `work` for each job, at most `limit` at a time, in order. The first failure stops further jobs, waits for those
 * under way, and is thrown.
 */
export async function forEachBounded<T>(
  jobs: Iterable<T>,
  limit: number,
  work: (job: T) => Promise<void>,
): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  async function worker(): Promise<void> {
    while (failure === undefined) {
      const next = queue.next();
      if (next.done === true) return;
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure !== undefined) throw failure.error;
}
