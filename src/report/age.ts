/** Times as tables have them: how long ago, and how long still, in one unit and at most four columns. */

/** `40s`, `5h`, `29d`: since an RFC 3339 time; "" where there is none. */
export function ageText(time: string | undefined, nowMs: number): string {
  const atMs = Date.parse(time ?? "");
  return Number.isNaN(atMs) ? "" : durationText(nowMs - atMs);
}

/** The same until a time, and `expired` from then on. */
export function expiryText(time: string | undefined, nowMs: number): string {
  const atMs = Date.parse(time ?? "");
  if (Number.isNaN(atMs)) return "";
  return atMs <= nowMs ? "expired" : durationText(atMs - nowMs);
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
/** Each unit from twice itself on, as kubectl has it: `119s`, then `2m`. */
const UNITS = [
  ["y", YEAR],
  ["d", DAY],
  ["h", HOUR],
  ["m", MINUTE],
] as const;

function durationText(ms: number): string {
  const [letter, unit] = UNITS.find(([, length]) => ms >= 2 * length) ?? (["s", SECOND] as const);
  return `${Math.max(0, Math.floor(ms / unit))}${letter}`;
}
