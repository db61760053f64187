/** Go durations, as Velero's and Kubernetes' JSON writes them: `720h0m0s`, `1m30s`, `0s`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const WHOLE = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Go keeps a duration in 64 bits of nanoseconds; what does not fit is no duration. */
const MAX_MS = 9_223_372_036_854;

/** Milliseconds of `1h30m`, `720h0m0s`, `.5s` or `0`; undefined when the text is no Go duration. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign, parts] = WHOLE.exec(text) ?? [];
  if (parts === undefined) return undefined;
  let ms = 0;
  for (const [, amount = "", unit = ""] of parts.matchAll(PART)) ms += Number(amount) * (UNIT_MS[unit] ?? 0);
  if (ms > MAX_MS) return undefined;
  return sign === "-" && ms !== 0 ? -ms : ms;
}

/** The text Go's `Duration.String` gives: `720h0m0s`, `10m0s`, `1.5s`, `100ms`, `0s`. Milliseconds in. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  const absolute = Math.abs(ms);
  if (absolute < 1000) return sign + subSecond(absolute);
  const nanoseconds = Math.round((absolute % 60_000) * 1e6);
  const minutes = Math.floor(absolute / 60_000);
  const seconds = `${Math.floor(nanoseconds / 1e9)}${fraction(nanoseconds % 1e9, 9)}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60}m${seconds}`;
}

function subSecond(ms: number): string {
  const nanoseconds = Math.round(ms * 1e6);
  if (nanoseconds >= 1e6) return `${Math.floor(nanoseconds / 1e6)}${fraction(nanoseconds % 1e6, 6)}ms`;
  if (nanoseconds >= 1e3) return `${Math.floor(nanoseconds / 1e3)}${fraction(nanoseconds % 1e3, 3)}µs`;
  return `${nanoseconds}ns`;
}

function fraction(rest: number, digits: number): string {
  return rest === 0 ? "" : `.${String(rest).padStart(digits, "0").replace(/0+$/, "")}`;
}
