/** Receives one line of progress, without a line end. */
export type Report = (line: string) => void;

/** Prints progress on stderr, so that stdout stays free for results. */
export function reportOnStderr(line: string): void {
  process.stderr.write(`testbed: ${line}\n`);
}

/** Whole seconds since `startedAt` (ms since the epoch), as `12 s`. */
export function elapsed(startedAt: number): string {
  return `${Math.round((Date.now() - startedAt) / 1000)} s`;
}
