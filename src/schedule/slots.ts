/**
 * The slots of a schedule line: the instants it names. Away from changes of the clock they are robfig/cron's. Around
 * them a wall time that is shown twice is one slot, at its first showing; a fixed time that the clock jumped over is a
 * slot right after the jump; a line whose hour is stepped has no slot there.
 */
import { type CronExpression, CronExpressionParser } from "cron-parser";
import type { CronField, CronFields, ScheduleLine } from "../api/cron.ts";
import { instantOf, wallTime } from "./wall-clock.ts";

/** Longer than any wall time is shown apart from itself. */
const LONGEST_OVERLAP_MS = 26 * 3_600_000;

/** Answers of `nextSlot`: every look of the loop asks for the slot after the last one of each schedule. */
const nextSlots = new Map<string, number>();
/** Parsed lines: parsing costs more than walking, and the same few lines are asked for again and again. */
const parsed = new Map<string, CronExpression>();
const MOST_KNOWN = 10_000;

/** A line with the zone it is read in, and for `@every` the instant it counts from. */
export interface SlotSeries {
  readonly line: ScheduleLine;
  readonly zone: string;
  /** Ms since the epoch; `@every` has its slots at this plus whole multiples. */
  readonly anchorMs: number;
}

/** The first slot after an instant. */
export function nextSlot(series: SlotSeries, afterMs: number): number {
  const { line, zone, anchorMs } = series;
  if (line.type === "every") {
    const passed = Math.floor((afterMs - anchorMs) / line.everyMs);
    return anchorMs + Math.max(1, passed + 1) * line.everyMs;
  }
  const id = `${afterMs} ${zone} ${writtenLine(line.fields)} ${line.fields.hour.isStepped}`;
  const known = nextSlots.get(id);
  if (known !== undefined) return known;
  const slotMs = findNext(line.fields, zone, afterMs);
  if (nextSlots.size >= MOST_KNOWN) nextSlots.clear();
  nextSlots.set(id, slotMs);
  return slotMs;
}

function findNext(fields: CronFields, zone: string, afterMs: number): number {
  const walls = wallTimes(fields, wallTime(afterMs, zone));
  for (;;) {
    const slot = slotAt(walls.next().getTime(), fields, zone);
    if (slot !== undefined && slot > afterMs) return slot;
  }
}

/** The last slot at or before an instant and after another one; undefined when there is none. */
export function lastSlot(
  series: SlotSeries,
  range: { readonly afterMs: number; readonly untilMs: number },
): number | undefined {
  const { line, zone, anchorMs } = series;
  if (range.untilMs <= range.afterMs) return undefined;
  if (line.type === "every") {
    const passed = Math.floor((range.untilMs - anchorMs) / line.everyMs);
    const slot = anchorMs + passed * line.everyMs;
    return passed >= 1 && slot > range.afterMs ? slot : undefined;
  }
  const endMs = wallTime(range.afterMs, zone) - LONGEST_OVERLAP_MS;
  // One ms on, since walking back leaves out where it starts.
  const walls = wallTimes(line.fields, latestWallTime(range.untilMs, zone) + 1);
  for (;;) {
    const wall = walls.prev().getTime();
    if (wall < endMs) return undefined;
    const slot = slotAt(wall, line.fields, zone);
    if (slot === undefined || slot > range.untilMs) continue;
    return slot > range.afterMs ? slot : undefined;
  }
}

/** The latest time the wall clock showed up to an instant: later than what it shows now where it was just put back. */
function latestWallTime(instantMs: number, zone: string): number {
  const earlierMs = instantMs - LONGEST_OVERLAP_MS;
  return Math.max(wallTime(instantMs, zone), wallTime(earlierMs, zone) + LONGEST_OVERLAP_MS);
}

/** The slot of one wall time, or undefined where the clock jumped over it and the line follows the clock. */
function slotAt(wallMs: number, fields: CronFields, zone: string): number | undefined {
  const instant = instantOf(wallMs, zone);
  if (instant.type === "shown") return instant.atMs;
  return fields.hour.isStepped ? undefined : instant.afterMs;
}

/** The wall times the fields match, walked from one of them in UTC: zones are not left to the library. */
function wallTimes(fields: CronFields, fromMs: number): { next(): Date; prev(): Date } {
  const line = writtenLine(fields);
  const walk = parsed.get(line) ?? CronExpressionParser.parse(line, { tz: "UTC" });
  if (parsed.size >= MOST_KNOWN) parsed.clear();
  parsed.set(line, walk);
  walk.reset(new Date(fromMs));
  return { next: () => walk.next().toDate(), prev: () => walk.prev().toDate() };
}

function writtenLine({ minute, hour, dayOfMonth, month, dayOfWeek }: CronFields): string {
  return [minute, hour, dayOfMonth, month, dayOfWeek].map(written).join(" ");
}

/** A field in the plainest form, so that the library has nothing to interpret. */
function written(field: CronField): string {
  return field.isStar ? "*" : field.values.join(",");
}
