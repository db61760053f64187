/** Reads a few items ahead, so that whoever makes them works while the one before is being used. */

/** The same items in the same order. An async generator answers queued calls one after the other, so it is never re-entered. */
export async function* ahead<T>(source: AsyncGenerator<T, unknown, void>, size: number): AsyncGenerator<T> {
  const queue: Promise<IteratorResult<T, unknown>>[] = [];
  const ask = (): void => {
    const next = source.next();
    // Whoever takes it from the queue hears of the failure; nobody may, when the reader stops early.
    next.catch(() => undefined);
    queue.push(next);
  };
  try {
    for (let asked = 0; asked < size; asked++) ask();
    for (;;) {
      const result = await queue.shift();
      if (result === undefined || result.done === true) return;
      ask();
      yield result.value;
    }
  } finally {
    await source.return(undefined).catch(() => undefined);
  }
}
