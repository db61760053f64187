import { describe, expect, it } from "vitest";
import { parseScheduleLine } from "../api/cron.ts";
import { lastSlot, nextSlot, type SlotSeries } from "./slots.ts";

function series(cron: string, zone = "UTC", anchor = "2026-01-01T00:00:00Z"): SlotSeries {
  const parsed = parseScheduleLine(cron);
  if (parsed.type === "invalid") throw new Error(parsed.message);
  return { line: parsed.line, zone: parsed.line.zone ?? zone, anchorMs: Date.parse(anchor) };
}

function short(ms: number): string {
  return new Date(ms).toISOString().replace(/(:00)?\.000Z$/, "Z");
}

/** The slots after an instant, as UTC. */
function slots(cron: string, zone: string, after: string, count: number): string[] {
  const of = series(cron, zone, after);
  const found: number[] = [];
  for (let at = Date.parse(after); found.length < count; at = found.at(-1) ?? at) found.push(nextSlot(of, at));
  return found.map(short);
}

describe("slots away from changes of the clock", () => {
  const rows: readonly (readonly [cron: string, zone: string, after: string, expected: readonly string[]])[] = [
    // robfig/cron's documented fields
    ["* * * * *", "UTC", "2026-01-01T00:00:30Z", ["2026-01-01T00:01Z", "2026-01-01T00:02Z"]],
    ["5 * * * *", "UTC", "2026-01-01T00:05:00Z", ["2026-01-01T01:05Z", "2026-01-01T02:05Z"]],
    ["*/15 * * * *", "UTC", "2026-01-01T00:44:00Z", ["2026-01-01T00:45Z", "2026-01-01T01:00Z"]],
    [
      "7/20 * * * *",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2026-01-01T00:07Z", "2026-01-01T00:27Z", "2026-01-01T00:47Z", "2026-01-01T01:07Z"],
    ],
    ["0 3 * * *", "UTC", "2026-01-01T03:00:00Z", ["2026-01-02T03:00Z", "2026-01-03T03:00Z"]],
    ["0 3 * * *", "UTC", "2026-01-01T02:59:59Z", ["2026-01-01T03:00Z"]],
    ["30 1,13 * * *", "UTC", "2026-01-01T02:00:00Z", ["2026-01-01T13:30Z", "2026-01-02T01:30Z"]],
    [
      "0 0-6/2 * * *",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2026-01-01T02:00Z", "2026-01-01T04:00Z", "2026-01-01T06:00Z", "2026-01-02T00:00Z"],
    ],
    ["0 20/2 * * *", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T20:00Z", "2026-01-01T22:00Z", "2026-01-02T20:00Z"]],
    ["0 0 * * mon-fri", "UTC", "2026-01-02T12:00:00Z", ["2026-01-05T00:00Z", "2026-01-06T00:00Z"]],
    ["0 0 * * SUN", "UTC", "2026-01-01T00:00:00Z", ["2026-01-04T00:00Z", "2026-01-11T00:00Z"]],
    ["0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", ["2026-01-04T00:00Z"]],
    [
      "0 0 * * 5-7",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z", "2026-01-09T00:00Z"],
    ],
    ["0 0 1 jan *", "UTC", "2026-01-01T00:00:00Z", ["2027-01-01T00:00Z"]],
    ["0 0 1 Jan,jul ?", "UTC", "2026-01-01T00:00:00Z", ["2026-07-01T00:00Z", "2027-01-01T00:00Z"]],
    // both day fields restricted: either is enough; a star in one: the other alone
    [
      "0 0 13 * fri",
      "UTC",
      "2026-02-01T00:00:00Z",
      ["2026-02-06T00:00Z", "2026-02-13T00:00Z", "2026-02-20T00:00Z", "2026-02-27T00:00Z", "2026-03-06T00:00Z"],
    ],
    ["0 0 * * fri", "UTC", "2026-02-01T00:00:00Z", ["2026-02-06T00:00Z", "2026-02-13T00:00Z"]],
    ["0 0 13 * ?", "UTC", "2026-02-01T00:00:00Z", ["2026-02-13T00:00Z", "2026-03-13T00:00Z"]],
    ["0 0 1-31 * fri", "UTC", "2026-02-01T00:00:00Z", ["2026-02-02T00:00Z", "2026-02-03T00:00Z"]],
    [
      "0 0 */10 * fri",
      "UTC",
      "2026-02-01T00:00:00Z",
      ["2026-02-06T00:00Z", "2026-02-11T00:00Z", "2026-02-13T00:00Z", "2026-02-20T00:00Z", "2026-02-21T00:00Z"],
    ],
    ["0 0 */1 * fri", "UTC", "2026-02-01T00:00:00Z", ["2026-02-06T00:00Z", "2026-02-13T00:00Z"]],
    ["0 0 13 * */1", "UTC", "2026-02-01T00:00:00Z", ["2026-02-13T00:00Z", "2026-03-13T00:00Z"]],
    [
      "0 0 13 * */2",
      "UTC",
      "2026-02-01T00:00:00Z",
      ["2026-02-03T00:00Z", "2026-02-05T00:00Z", "2026-02-07T00:00Z", "2026-02-08T00:00Z"],
    ],
    // month ends and leap days
    [
      "0 0 31 * *",
      "UTC",
      "2026-01-31T00:00:00Z",
      ["2026-03-31T00:00Z", "2026-05-31T00:00Z", "2026-07-31T00:00Z", "2026-08-31T00:00Z"],
    ],
    ["0 0 30 * *", "UTC", "2026-01-30T00:00:00Z", ["2026-03-30T00:00Z"]],
    ["0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]],
    ["0 0 29 * *", "UTC", "2026-01-30T00:00:00Z", ["2026-03-29T00:00Z"]],
    ["59 23 31 12 *", "UTC", "2026-12-31T23:59:00Z", ["2027-12-31T23:59Z"]],
    // descriptors
    ["@hourly", "UTC", "2026-01-01T00:30:00Z", ["2026-01-01T01:00Z", "2026-01-01T02:00Z"]],
    ["@daily", "UTC", "2026-01-01T00:30:00Z", ["2026-01-02T00:00Z"]],
    ["@midnight", "UTC", "2026-01-01T00:30:00Z", ["2026-01-02T00:00Z"]],
    ["@weekly", "UTC", "2026-01-01T00:30:00Z", ["2026-01-04T00:00Z", "2026-01-11T00:00Z"]],
    ["@monthly", "UTC", "2026-01-01T00:30:00Z", ["2026-02-01T00:00Z", "2026-03-01T00:00Z"]],
    ["@yearly", "UTC", "2026-01-01T00:30:00Z", ["2027-01-01T00:00Z"]],
    ["@annually", "UTC", "2026-01-01T00:30:00Z", ["2027-01-01T00:00Z"]],
    ["@every 1h30m", "UTC", "2026-01-01T00:10:00Z", ["2026-01-01T01:40Z", "2026-01-01T03:10Z"]],
    ["@every 90.9s", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T00:01:30Z", "2026-01-01T00:03Z"]],
    ["@every 10ms", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]],
    // zones
    ["0 3 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", ["2026-01-01T02:00Z", "2026-01-02T02:00Z"]],
    ["0 3 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", ["2026-01-01T21:30Z"]],
    ["0 0 1 * *", "Pacific/Auckland", "2026-01-01T00:00:00Z", ["2026-01-31T11:00Z", "2026-02-28T11:00Z"]],
    ["0 0 * * mon", "Pacific/Kiritimati", "2026-01-01T00:00:00Z", ["2026-01-04T10:00Z"]],
    ["CRON_TZ=Asia/Tokyo 0 6 * * ?", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T21:00Z"]],
    ["TZ=America/New_York @daily", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T05:00Z"]],
    ["CRON_TZ=Asia/Tokyo @every 1h", "UTC", "2026-01-01T00:00:00Z", ["2026-01-01T01:00Z"]],
  ];

  it.each(rows)("%s in %s after %s", (cron, zone, after, expected) => {
    expect(slots(cron, zone, after, expected.length)).toEqual(expected);
  });
});

describe("slots around a change of the clock", () => {
  // Berlin 2026: 02:00 becomes 03:00 on March 29 (01:00Z); 03:00 becomes 02:00 on October 25 (01:00Z).
  const rows: readonly (readonly [
    what: string,
    cron: string,
    zone: string,
    after: string,
    expected: readonly string[],
  ])[] = [
    [
      "a fixed time in the gap runs right after it, once",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00Z", "2026-03-30T00:30Z"],
    ],
    [
      "fixed times in the gap run together",
      "0,30 2 * * *",
      "Europe/Berlin",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00Z", "2026-03-30T00:00Z"],
    ],
    [
      "one that lands on the next slot is one with it",
      "0 2,3 * * *",
      "Europe/Berlin",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00Z", "2026-03-30T00:00Z"],
    ],
    [
      "a stepped hour follows the wall clock over the gap",
      "0 */2 * * *",
      "Europe/Berlin",
      "2026-03-28T22:00:00Z",
      ["2026-03-28T23:00Z", "2026-03-29T02:00Z", "2026-03-29T04:00Z"],
    ],
    [
      "every hour goes on at the first hour after the gap",
      "30 * * * *",
      "Europe/Berlin",
      "2026-03-28T23:45:00Z",
      ["2026-03-29T00:30Z", "2026-03-29T01:30Z"],
    ],
    [
      "a fixed time shown twice runs at the first",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
    ],
    [
      "a stepped minute shown twice runs at the first",
      "*/30 2 * * *",
      "Europe/Berlin",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:00Z", "2026-10-25T00:30Z", "2026-10-26T01:00Z"],
    ],
    [
      "every hour has one slot for the hour shown twice",
      "0 * * * *",
      "Europe/Berlin",
      "2026-10-24T23:30:00Z",
      ["2026-10-25T00:00Z", "2026-10-25T02:00Z", "2026-10-25T03:00Z"],
    ],
    [
      "from inside the second showing, the next hour",
      "15 * * * *",
      "Europe/Berlin",
      "2026-10-25T01:05:00Z",
      ["2026-10-25T02:15Z"],
    ],
    ["@hourly too", "@hourly", "America/New_York", "2026-11-01T04:30:00Z", ["2026-11-01T05:00Z", "2026-11-01T07:00Z"]],
    [
      "@every counts real time",
      "@every 1h",
      "Europe/Berlin",
      "2026-10-24T23:30:00Z",
      ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"],
    ],
    [
      "@daily where midnight is left out",
      "@daily",
      "Africa/Cairo",
      "2026-04-23T12:00:00Z",
      ["2026-04-23T22:00Z", "2026-04-24T21:00Z"],
    ],
    [
      "a day that was left out runs when the next begins",
      "0 12 30 12 *",
      "Pacific/Apia",
      "2011-12-01T00:00:00Z",
      ["2011-12-30T10:00Z", "2012-12-29T22:00Z"],
    ],
    [
      "a gap of half an hour",
      "15 2 * * *",
      "Australia/Lord_Howe",
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30Z", "2026-10-04T15:15Z"],
    ],
    [
      "monthly in the gap",
      "30 2 29 * *",
      "Europe/Berlin",
      "2026-03-01T00:00:00Z",
      ["2026-03-29T01:00Z", "2026-04-29T00:30Z"],
    ],
  ];

  it.each(rows)("%s (%s, %s)", (_what, cron, zone, after, expected) => {
    expect(slots(cron, zone, after, expected.length)).toEqual(expected);
  });
});

describe("lastSlot", () => {
  const at = Date.parse;

  it("is the newest of several that were missed", () => {
    const range = { afterMs: at("2026-01-01T03:00:00Z"), untilMs: at("2026-01-04T02:00:00Z") };

    expect(short(lastSlot(series("0 3 * * *"), range) ?? 0)).toBe("2026-01-03T03:00Z");
  });

  it("is none before the first", () => {
    const range = { afterMs: at("2026-01-01T03:00:00Z"), untilMs: at("2026-01-02T02:59:59Z") };

    expect(lastSlot(series("0 3 * * *"), range)).toBeUndefined();
  });

  it("counts the instant itself", () => {
    const range = { afterMs: at("2026-01-01T03:00:00Z"), untilMs: at("2026-01-02T03:00:00Z") };

    expect(lastSlot(series("0 3 * * *"), range)).toBe(range.untilMs);
  });

  it.each(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])(
    "agrees with nextSlot all year in %s",
    (zone) => {
      const of = series("10,40 0-4,*/8 * * *", zone);
      const walked: number[] = [];
      for (let slot = at("2026-01-01T00:00:00Z"); slot < at("2027-01-01T00:00:00Z"); ) {
        slot = nextSlot(of, slot);
        walked.push(slot);
      }

      expect(new Set(walked).size).toBe(walked.length);
      for (const [index, slot] of walked.entries()) {
        const next = walked[index + 1];
        if (next === undefined) break;
        const range = { afterMs: slot - 86_400_000, untilMs: next - 1 };
        expect(lastSlot(of, range)).toBe(slot);
      }
    },
    600_000,
  );
});
