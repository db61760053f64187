/** Durations as Go writes and reads them (`720h`, `1h30m`, `1.5s`): Kubernetes' and Velero's own form. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds, or undefined when the text is no Go duration. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, sign, body = ""] = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  let ms = 0;
  for (const [, count = "", unit = ""] of body.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(count) * (UNIT_MS[unit] ?? 0);
  }
  return sign === "-" ? -ms : ms;
}

/** As Go's `Duration.String()` writes it: `720h0m0s`, `1m30s`, `1.5s`, `20ms`, `0s`. Finer than 1 ms is lost. */
export function formatGoDuration(durationMs: number): string {
  const ms = Math.round(Math.abs(durationMs));
  const sign = durationMs < 0 && ms > 0 ? "-" : "";
  if (ms === 0) return "0s";
  if (ms < 1_000) return `${sign}${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${(ms % 60_000) / 1_000}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}
