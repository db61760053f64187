/** Seconds since the epoch, or undefined for no time. */
export function secondsOf(time: string | undefined): number | undefined {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** Seconds from one time to another, or undefined where one is missing. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  const [start, end] = [secondsOf(from), secondsOf(to)];
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}
