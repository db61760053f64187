/** Polls until `probe` gives something true. @throws Error naming what was waited for, after two minutes */
export async function waitFor<T>(
  what: string,
  signal: AbortSignal,
  probe: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    signal.throwIfAborted();
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`waited two minutes for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
