/**
 * When a run is due: a pure function of the schedule line, its zone, the last run and now. Nothing about schedules lives
 * in memory, and two replicas that look at the same moment see the same slot.
 */
import { parseScheduleLine } from "../api/cron.ts";
import { sha256 } from "../api/digest.ts";
import { lastSlot, nextSlot, type SlotSeries } from "./slots.ts";

/** How late a run may begin without `catchUp`: longer than any pass of the loop, shorter than any outage. */
const LATE_MS = 5 * 60_000;
/** A last slot further ahead than this was recorded by a clock that was wrong. */
const CLOCK_ERROR_MS = 26 * 3_600_000;

/** All times are ms since the epoch. */
export interface DueInput {
  readonly cron: string;
  /** The zone the line is read in, unless the line names its own. */
  readonly timeZone: string;
  /** When the schedule was first seen (its policy's creationTimestamp). */
  readonly createdMs: number;
  /** The newest slot that was run or given up; undefined before the first. */
  readonly lastSlotMs?: number | undefined;
  /** When the schedule was last taken up again: slots up to then are not made up. */
  readonly resumedMs?: number | undefined;
  readonly nowMs: number;
  readonly catchUp: boolean;
  readonly firstRun: "Slot" | "Immediate";
  /** Up to how long a run is put off. */
  readonly jitterMs?: number;
  /** Makes the jitter of this schedule its own, such as `cluster/namespace/policy/schedule`. */
  readonly jitterSeed?: string;
  readonly suspended?: boolean;
  /** A run of this schedule has not ended, and overlaps are forbidden. */
  readonly isBlocked?: boolean;
}

/** What to do now. `nextMs` is the next slot after the one spoken of. */
export type Due =
  /** Run the slot; its time names the backup. */
  | { readonly type: "due"; readonly slotMs: number; readonly nextMs: number }
  /** Record the slot as given up: it was missed, and `catchUp` is off. */
  | { readonly type: "missed"; readonly slotMs: number; readonly nextMs: number }
  /** A slot has come, and an earlier run still goes on: it runs when that has ended. */
  | { readonly type: "blocked"; readonly slotMs: number; readonly nextMs: number }
  /** Nothing before `atMs`, which is the slot plus its jitter. */
  | { readonly type: "wait"; readonly nextMs: number; readonly atMs: number }
  | { readonly type: "suspended" }
  | { readonly type: "invalid"; readonly message: string };

/** Decides what one schedule needs at `nowMs`. Several missed slots come to one run: that of the newest. */
export function due(input: DueInput): Due {
  const series = seriesOf(input);
  if (typeof series === "string") return { type: "invalid", message: series };
  if (input.suspended === true) return { type: "suspended" };
  const comingMs = nextSlot(series, base(input));
  // no slot has come: told by the next one, which is the same at every look until then
  const slotMs = comingMs > input.nowMs && isRegular(input) ? undefined : pendingSlot(series, input);
  if (slotMs === undefined) return { type: "wait", nextMs: comingMs, atMs: comingMs + jitter(series, input, comingMs) };
  const nextMs = nextSlot(series, slotMs);
  const startMs = slotMs + jitter(series, input, slotMs);
  if (input.nowMs < startMs) return { type: "wait", nextMs: slotMs, atMs: startMs };
  if (!input.catchUp && input.nowMs - startMs > LATE_MS && isRegular(input)) return { type: "missed", slotMs, nextMs };
  return { type: input.isBlocked === true ? "blocked" : "due", slotMs, nextMs };
}

/** The next `count` slots after now, for people: what `validate` and a pull request show. Empty for an invalid line. */
export function upcomingSlots(
  input: Pick<DueInput, "cron" | "timeZone" | "createdMs" | "nowMs">,
  count: number,
): number[] {
  const series = seriesOf({ ...input, catchUp: true, firstRun: "Slot" });
  if (typeof series === "string") return [];
  const slots: number[] = [];
  let atMs = input.nowMs;
  while (slots.length < count) {
    atMs = nextSlot(series, atMs);
    slots.push(atMs);
  }
  return slots;
}

/** How far apart two runs are at that time: what "stale" is measured by. Undefined for an invalid line. */
export function intervalMs(input: Pick<DueInput, "cron" | "timeZone" | "createdMs" | "nowMs">): number | undefined {
  const [first, second] = upcomingSlots(input, 2);
  return first === undefined || second === undefined ? undefined : second - first;
}

function seriesOf(input: DueInput): SlotSeries | string {
  const parsed = parseScheduleLine(input.cron);
  if (parsed.type === "invalid") return parsed.message;
  return { line: parsed.line, zone: parsed.line.zone ?? input.timeZone, anchorMs: wholeSeconds(base(input)) };
}

/** The slot that has come and was not dealt with, or undefined. */
function pendingSlot(series: SlotSeries, input: DueInput): number | undefined {
  if (!isRegular(input)) return wholeSeconds(input.createdMs);
  return lastSlot(series, { afterMs: base(input), untilMs: input.nowMs });
}

/** False only for the one run that `firstRun: Immediate` makes when the schedule is new. */
function isRegular(input: DueInput): boolean {
  return input.firstRun !== "Immediate" || input.lastSlotMs !== undefined || input.resumedMs !== undefined;
}

/** Slots up to here are over and done with. */
function base({ createdMs, lastSlotMs, resumedMs, nowMs }: DueInput): number {
  const isPlausible = lastSlotMs !== undefined && lastSlotMs <= nowMs + CLOCK_ERROR_MS;
  const doneMs = isPlausible ? lastSlotMs : lastSlotMs === undefined ? createdMs : nowMs;
  return Math.max(doneMs, resumedMs ?? doneMs);
}

/** The same for each slot wherever it is asked, and never so long that the next slot comes first. */
function jitter(series: SlotSeries, input: DueInput, slotMs: number): number {
  const wantedMs = input.jitterMs ?? 0;
  if (wantedMs <= 0) return 0;
  const mostMs = Math.min(wantedMs, nextSlot(series, slotMs) - slotMs);
  const share = Number.parseInt(sha256(`${input.jitterSeed ?? ""}@${slotMs}`).slice(0, 12), 16) / 2 ** 48;
  return Math.floor((share * mostMs) / 1000) * 1000;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
