import { type Logger as PinoLogger, pino } from "pino";
import { redact } from "./errors.ts";

/** Structured log: a constant message plus fields. `error` means our bug, `warn` perhaps, a user's mistake is `info`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** Writes JSON lines to stderr, so that stdout stays a command's output. String fields lose credentials first. */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { log: redactFields } },
    pino.destination(2),
  ) as PinoLogger;
}

/** Says nothing: for commands whose output is the report itself. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value === "string") return [name, redact(value)];
      if (value instanceof Error) return [name, redact(value.message)];
      return [name, value];
    }),
  );
}
