/** A year of slots per zone, beside those of robfig/cron v3, which Velero uses: each difference falls under a rule. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseScheduleLine, type ScheduleLine } from "../../src/api/cron.ts";
import { nextSlot } from "../../src/schedule/slots.ts";
import { wallTime } from "../../src/schedule/wall-clock.ts";
import type { Component } from "../../tools/testbed/binaries/components.ts";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";

const CRONSLOTS: Component = {
  name: "cronslots",
  source: fileURLToPath(new URL("../../tools/testbed/go/cronslots", import.meta.url)),
  module: "github.com/robfig/cron/v3",
  package: ".",
  ldflags: () => [],
  commands: ["cronslots"],
  remedy: "install Go",
};

/** A leap year whose clock changes every copy of the zone database knows. */
const FROM = Date.parse("2024-01-01T00:00:00Z");
const UNTIL = Date.parse("2025-01-01T00:00:00Z");

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Santiago",
  "America/Havana",
  "Africa/Cairo",
  "Australia/Lord_Howe",
  "Pacific/Auckland",
];

const LINES = [
  "0 3 * * *",
  "30 2 * * *",
  "0 0 * * *",
  "15 0,1,2,3 * * *",
  "5 1-3 * * *",
  "*/20 2 * * *",
  "0 * * * *",
  "30 */4 * * *",
  "*/30 */8 * * *",
  "0 0 1 * *",
  "0 0 31 * *",
  "0 12 29 2 *",
  "0 4 * * sun",
  "0 4 13 * fri",
  "0 4 */10 * 1-5",
  "0 4 */1 * 1-5",
  "0 4 ? jan-mar/2 *",
  "10/25 23 28-31 * *",
  "@daily",
  "@weekly",
  "@monthly",
  "@yearly",
];

interface Change {
  /** The first instant with the new offset. */
  readonly atMs: number;
  /** How far the clock was put forward; negative: back. */
  readonly byMs: number;
}

/** Why a slot may be in one series only. */
const RULES: readonly { readonly id: string; readonly allows: (slot: Difference) => boolean }[] = [
  {
    id: "a fixed time that the clock jumped over runs right after the jump",
    allows: ({ side, slotMs, line, changes }) =>
      side === "ours" &&
      line.type === "cron" &&
      !line.fields.hour.isStepped &&
      changes.some(({ atMs, byMs }) => byMs > 0 && atMs === slotMs),
  },
  {
    id: "a time shown twice is one slot, at its first showing",
    allows: ({ side, slotMs, changes }) =>
      side === "theirs" && changes.some(({ atMs, byMs }) => byMs < 0 && slotMs >= atMs && slotMs < atMs - byMs),
  },
  {
    // Its walk ends a day or an hour too far on: at a change at midnight, and at one that is not of whole hours.
    id: "a slot that robfig/cron loses on its way over an odd change is kept",
    allows: ({ side, slotMs, previousMs, changes, zone }) =>
      side === "ours" &&
      changes.some(
        ({ atMs, byMs }) =>
          atMs > previousMs &&
          atMs <= slotMs &&
          (byMs % 3_600_000 !== 0 || wallTime(atMs - 1, zone) % 86_400_000 === 86_399_999),
      ),
  },
];

interface Difference {
  readonly side: "ours" | "theirs";
  readonly slotMs: number;
  /** The slot before it that is in both series. */
  readonly previousMs: number;
  readonly zone: string;
  readonly line: ScheduleLine;
  readonly changes: readonly Change[];
}

function changesOf(zone: string): Change[] {
  const offset = (ms: number): number => wallTime(ms, zone) - ms;
  const found: Change[] = [];
  for (let atMs = FROM; atMs < UNTIL; atMs += 1_800_000) {
    const byMs = offset(atMs) - offset(atMs - 1_800_000);
    if (byMs !== 0) found.push({ atMs, byMs });
  }
  return found;
}

function ours(line: ScheduleLine, zone: string): number[] {
  const slots: number[] = [];
  for (let at = FROM; ; slots.push(at)) {
    at = nextSlot({ line, zone, anchorMs: FROM }, at);
    if (at > UNTIL) return slots;
  }
}

/** robfig/cron's answers to many questions, in order. */
async function theirs(questions: readonly object[]): Promise<{ slots: number[]; error?: string }[]> {
  const program = spawn(await findBinary("cronslots", { components: [CRONSLOTS] }), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  program.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(""));
  const output = await text(program.stdout);
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { slots: number[]; error?: string });
}

type FoundSlot = Pick<Difference, "side" | "slotMs" | "previousMs">;

function differencesOf(own: ReadonlySet<number>, other: ReadonlySet<number>): FoundSlot[] {
  const found: FoundSlot[] = [];
  let previousMs = FROM;
  for (const slotMs of [...new Set([...own, ...other])].sort((a, b) => a - b)) {
    if (own.has(slotMs) && other.has(slotMs)) previousMs = slotMs;
    else found.push({ side: own.has(slotMs) ? "ours" : "theirs", slotMs, previousMs });
  }
  return found;
}

function parsed(cron: string): ScheduleLine {
  const result = parseScheduleLine(cron);
  if (result.type === "invalid") throw new Error(result.message);
  return result.line;
}

const seen = new Map<string, number>();

describe("a year of slots", () => {
  it.each(ZONES)("in %s differs from robfig/cron's only by rule", async (zone) => {
    const changes = changesOf(zone);
    const answers = await theirs(LINES.map((cron) => ({ cron, zone, from: FROM / 1000, until: UNTIL / 1000 })));

    const unexplained: string[] = [];
    for (const [index, cron] of LINES.entries()) {
      const line = parsed(cron);
      const own = new Set(ours(line, zone));
      const other = new Set(answers[index]?.slots.map((second) => second * 1000));
      const differences = differencesOf(own, other).map((found) => ({ ...found, line, zone, changes }));
      for (const difference of differences) {
        const rule = RULES.find(({ allows }) => allows(difference));
        if (rule === undefined)
          unexplained.push(`${cron}: only ${difference.side} ${new Date(difference.slotMs).toISOString()}`);
        else seen.set(rule.id, (seen.get(rule.id) ?? 0) + 1);
      }
      expect(other.size + own.size, cron).toBeGreaterThan(0);
    }

    expect(unexplained).toEqual([]);
  });

  it("shows every rule at work", () => {
    expect([...seen.keys()].sort()).toEqual(RULES.map(({ id }) => id).sort());
  });
});

describe("the grammar", () => {
  const refusedByBoth = [
    "",
    "* * * *",
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "@never",
    "@every x",
    "TZ=Mars/Phobos @daily",
    "1/2/3 * * * *",
    "1-2-3 * * * *",
    "0 0 * 13 *",
  ];
  const refusedByUs = ["0 0 30 2 *", "@every -1h", "1,,2 * * * *", "+5 * * * *", "TZ=Local @daily", "*-5 * * * *"];
  const refusedByThem = ["0 0 * * 7"];

  it("refuses what robfig/cron refuses, and more by rule", async () => {
    const lines = [...refusedByBoth, ...refusedByUs, ...refusedByThem, ...LINES];
    const answers = await theirs(lines.map((cron) => ({ cron, zone: "UTC", from: FROM / 1000, until: FROM / 1000 })));
    const verdicts = lines.map((cron, index) => ({
      cron,
      us: parseScheduleLine(cron).type === "ok",
      them: answers[index]?.error === undefined,
    }));

    expect(verdicts).toEqual(
      lines.map((cron) => ({
        cron,
        us: !refusedByBoth.includes(cron) && !refusedByUs.includes(cron),
        them: !refusedByBoth.includes(cron) && !refusedByThem.includes(cron),
      })),
    );
  });
});
