/**
 * The grammar of schedule lines: five cron fields as robfig/cron v3 reads them, its descriptors, `@every` and the
 * `CRON_TZ=` prefix. It stands before every other reader of such lines, and lets through only what runs some day.
 */
import { parseDuration } from "./duration.ts";
import { timeZoneProblem } from "./time-zone.ts";

/** The values one field allows, ascending. */
export interface CronField {
  readonly values: readonly number[];
  /** Written as `*` or `?` (or `*` with step 1): then the other day field alone decides the day. */
  readonly isStar: boolean;
  /** Written with `*` or a step: follows the wall clock, and does not make up for an hour that the clock left out. */
  readonly isStepped: boolean;
}

export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly dayOfMonth: CronField;
  readonly month: CronField;
  /** 0 is Sunday. */
  readonly dayOfWeek: CronField;
}

/** A line that was understood. `zone` is what its own prefix names. */
export type ScheduleLine = {
  readonly zone: string | undefined;
  /** Remarks that stop nothing, a sentence each. */
  readonly warnings: readonly string[];
} & (
  | { readonly type: "cron"; readonly fields: CronFields }
  /** Whole seconds, in ms; at least one. */
  | { readonly type: "every"; readonly everyMs: number }
);

export type ParsedLine =
  | { readonly type: "ok"; readonly line: ScheduleLine }
  | { readonly type: "invalid"; readonly message: string };

const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
  /** Value of the first name. */
  readonly firstName: number;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MINUTE: FieldRule = { name: "minute", min: 0, max: 59, names: [], firstName: 0 };
const HOUR: FieldRule = { name: "hour", min: 0, max: 23, names: [], firstName: 0 };
const DAY_OF_MONTH: FieldRule = { name: "day-of-month", min: 1, max: 31, names: [], firstName: 0 };
const MONTH: FieldRule = { name: "month", min: 1, max: 12, names: MONTHS, firstName: 1 };
const DAY_OF_WEEK: FieldRule = { name: "day-of-week", min: 0, max: 7, names: DAYS, firstName: 0 };

/** The longest month of this number in any year. */
const LONGEST = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Thrown and caught inside this file only: the shortest way out of nested lists and ranges. */
class GrammarError extends Error {}

/** Reads a schedule line. The message of an invalid one says what is wrong and what would be right. */
export function parseScheduleLine(text: string): ParsedLine {
  try {
    return { type: "ok", line: readLine(text) };
  } catch (error) {
    if (error instanceof GrammarError) return { type: "invalid", message: error.message };
    throw error;
  }
}

function readLine(text: string): ScheduleLine {
  const { zone, rest } = splitZone(text.trim());
  if (rest === "") throw new GrammarError("the schedule is empty");
  if (rest.startsWith("@every")) return { zone, warnings: [], type: "every", everyMs: readEvery(rest) };
  if (rest.startsWith("@")) {
    const line = Object.hasOwn(DESCRIPTORS, rest) ? DESCRIPTORS[rest] : undefined;
    if (line === undefined) {
      throw new GrammarError(
        `unknown descriptor "${rest}": use ${Object.keys(DESCRIPTORS).join(", ")} or @every <duration>`,
      );
    }
    return { zone, warnings: [], type: "cron", fields: readFields(line, []) };
  }
  const warnings: string[] = [];
  const fields = readFields(rest, warnings);
  return { zone, warnings, type: "cron", fields };
}

function splitZone(text: string): { zone: string | undefined; rest: string } {
  const [, zone, rest] = /^(?:CRON_)?TZ=(\S*)(.*)$/s.exec(text) ?? [];
  if (zone === undefined || rest === undefined) return { zone: undefined, rest: text };
  const problem = timeZoneProblem(zone);
  if (problem !== undefined) throw new GrammarError(problem);
  return { zone, rest: rest.trim() };
}

function readEvery(text: string): number {
  const [, duration] = /^@every\s+(\S+)$/.exec(text) ?? [];
  const ms = duration === undefined ? undefined : parseDuration(duration);
  if (ms === undefined) throw new GrammarError(`"${text}" needs a duration: write @every 1h30m`);
  if (ms <= 0) throw new GrammarError(`"${text}" needs a duration above zero`);
  return Math.max(1000, Math.floor(ms / 1000) * 1000); // as robfig/cron: whole seconds, at least one
}

function readFields(text: string, warnings: string[]): CronFields {
  const parts = text.split(/\s+/);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = parts;
  if (parts.length !== 5) {
    const hint = parts.length === 6 ? "; a field for seconds is not supported" : "";
    throw new GrammarError(
      `expected exactly 5 fields (minute hour day-of-month month day-of-week), found ${parts.length}${hint}`,
    );
  }
  const fields: CronFields = {
    minute: readField(minute, MINUTE),
    hour: readField(hour, HOUR),
    dayOfMonth: readField(dayOfMonth, DAY_OF_MONTH),
    month: readField(month, MONTH),
    dayOfWeek: sundayAsZero(readField(dayOfWeek, DAY_OF_WEEK), warnings),
  };
  if (!firesEver(fields)) {
    throw new GrammarError(`"${text}" never fires: no month it names has such a day`);
  }
  return fields;
}

/** 7 is Sunday to most crons and an error to robfig/cron: it is taken, and told. */
function sundayAsZero(field: CronField, warnings: string[]): CronField {
  if (!field.values.includes(7)) return field;
  warnings.push("7 is taken for Sunday; Velero and robfig/cron refuse it: write 0 or sun");
  const values = [...new Set(field.values.map((value) => value % 7))].sort((a, b) => a - b);
  return { ...field, values };
}

function readField(text: string, rule: FieldRule): CronField {
  if (!/^[A-Za-z0-9*,/?-]+$/.test(text)) {
    throw new GrammarError(`${rule.name} "${text}": only digits, names and * , - / ? may stand here`);
  }
  const parts = text.split(",").map((part) => readPart(part, rule));
  const values = [...new Set(parts.flatMap((part) => part.values))].sort((a, b) => a - b);
  return {
    values,
    isStar: parts.some((part) => part.isStar),
    isStepped: parts.some((part) => part.isStepped),
  };
}

function readPart(part: string, rule: FieldRule): CronField {
  const [range = "", stepText, ...more] = part.split("/");
  if (more.length > 0) throw new GrammarError(`${rule.name} "${part}": only one / may stand here`);
  const step = stepText === undefined ? 1 : readStep(stepText, part, rule);
  const { start, end, isStar } = readRange(range, stepText !== undefined, rule);
  const values: number[] = [];
  for (let value = start; value <= end; value += step) values.push(value);
  return { values, isStar: isStar && step === 1, isStepped: isStar || stepText !== undefined };
}

function readStep(text: string, part: string, rule: FieldRule): number {
  const step = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (step === 0) throw new GrammarError(`${rule.name} "${part}": the step must be a number above 0`);
  return step;
}

function readRange(range: string, hasStep: boolean, rule: FieldRule): { start: number; end: number; isStar: boolean } {
  // `*` of day-of-week ends at Saturday: 7 is Sunday again.
  const last = rule === DAY_OF_WEEK ? 6 : rule.max;
  if (range === "*" || range === "?") return { start: rule.min, end: last, isStar: true };
  const [from = "", to, ...more] = range.split("-");
  if (more.length > 0) throw new GrammarError(`${rule.name} "${range}": only one - may stand here`);
  const start = readValue(from, rule);
  const end = to === undefined ? (hasStep ? last : start) : readValue(to, rule);
  if (end < start) throw new GrammarError(`${rule.name} "${range}": the range ends before it begins`);
  return { start, end, isStar: false };
}

function readValue(text: string, rule: FieldRule): number {
  const place = rule.names.indexOf(text.toLowerCase());
  if (place >= 0) return rule.firstName + place;
  if (text === "") throw new GrammarError(`${rule.name}: a value is missing`);
  if (!/^\d+$/.test(text)) {
    const names = rule.names.length === 0 ? "" : ` or ${rule.names[0]} to ${rule.names.at(-1)}`;
    throw new GrammarError(`${rule.name} "${text}": expected a number from ${rule.min} to ${rule.max}${names}`);
  }
  const value = Number(text);
  if (value < rule.min || value > rule.max) {
    throw new GrammarError(`${rule.name} ${text} is out of range: ${rule.min} to ${rule.max}`);
  }
  return value;
}

function firesEver({ dayOfMonth, month, dayOfWeek }: CronFields): boolean {
  // Where neither day field is a star, a weekday is enough, and every month has all seven.
  if (!dayOfMonth.isStar && !dayOfWeek.isStar) return true;
  if (dayOfMonth.isStar) return true;
  const first = dayOfMonth.values[0] ?? 0;
  return month.values.some((number) => first <= (LONGEST[number] ?? 0));
}
