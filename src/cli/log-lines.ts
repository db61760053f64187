import { type Clock, rfc3339 } from "../clock.ts";
import { redact } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { TextStream } from "./io.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** Logs as lines a person reads on a terminal: time, message, fields. Levels below `level` are left out. */
export function createLineLogger(stream: TextStream, clock: Clock, level: string, base: object = {}): Logger {
  const lowest = level === "trace" ? 0 : Math.max(0, LEVELS.indexOf(level as (typeof LEVELS)[number]));
  const write = (at: (typeof LEVELS)[number]) => (fields: object, message: string) => {
    if (LEVELS.indexOf(at) < lowest) return;
    const time = rfc3339(clock.now()).slice(11, 19);
    const mark = at === "info" || at === "debug" ? " " : "!";
    const told = Object.entries({ ...base, ...fields }).filter(([, value]) => value !== undefined && value !== "");
    const text = told.map(([name, value]) => `${name}=${valueText(value)}`).join(" ");
    stream.write(redact(`${time} ${mark} ${message}${text === "" ? "" : `  ${text}`}`).concat("\n"));
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => createLineLogger(stream, clock, level, { ...base, ...fields }),
  };
}

function valueText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
