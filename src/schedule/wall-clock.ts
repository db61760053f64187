/**
 * Between instants and what the clock on the wall of a zone shows. A wall time is ms since the epoch read as if the
 * zone were UTC, so that calendars can be walked without a zone.
 */

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the wall clock shows at an instant. */
export function wallTime(instantMs: number, zone: string): number {
  if (zone === "UTC") return instantMs;
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instantMs)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  const subSecondMs = ((instantMs % 1000) + 1000) % 1000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + subSecondMs;
}

/** When the wall clock shows a time: once, twice (the first time is given), or never. */
export type Instant =
  | { readonly type: "shown"; readonly atMs: number }
  /** The clock jumped over it; `afterMs` is the first instant after the jump. */
  | { readonly type: "skipped"; readonly afterMs: number };

const DAY_MS = 86_400_000;

/** The instant at which the wall clock of a zone shows `wallMs`. */
export function instantOf(wallMs: number, zone: string): Instant {
  if (zone === "UTC") return { type: "shown", atMs: wallMs };
  // The offsets a day before and after are the only ones that can hold here: no zone changes twice in two days.
  const before = wallTime(wallMs - DAY_MS, zone) - (wallMs - DAY_MS);
  const after = wallTime(wallMs + DAY_MS, zone) - (wallMs + DAY_MS);
  const candidates = [wallMs - before, wallMs - after].sort((a, b) => a - b);
  const shown = candidates.find((atMs) => wallTime(atMs, zone) === wallMs);
  if (shown !== undefined) return { type: "shown", atMs: shown };
  return { type: "skipped", afterMs: jumpBetween(candidates[0] ?? 0, candidates[1] ?? 0, wallMs, zone) };
}

/** The first instant whose wall time is at or after `wallMs`: where the clock landed. Bisects to the second. */
function jumpBetween(fromMs: number, toMs: number, wallMs: number, zone: string): number {
  let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (wallTime(middle * 1000, zone) >= wallMs) high = middle;
    else low = middle + 1;
  }
  return low * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-u-ca-iso8601-nu-latn", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}
