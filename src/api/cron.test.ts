import { describe, expect, it } from "vitest";
import { parseScheduleLine } from "./cron.ts";

function message(line: string): string {
  const parsed = parseScheduleLine(line);
  return parsed.type === "invalid" ? parsed.message : `ok ${parsed.line.type}`;
}

describe("the grammar of schedule lines refuses", () => {
  const rows: readonly (readonly [what: string, line: string, why: RegExp])[] = [
    ["an empty line", "", /empty/],
    ["blanks", "   ", /empty/],
    ["a zone and nothing else", "CRON_TZ=UTC", /empty/],
    ["four fields", "0 3 * *", /exactly 5 fields .* found 4/],
    ["six fields", "0 0 3 * * *", /found 6; a field for seconds/],
    ["L", "0 0 L * *", /only digits, names|expected a number/],
    ["#", "0 0 * * 5#3", /only digits, names/],
    ["W", "0 0 15W * *", /expected a number/],
    ["H", "H 3 * * *", /expected a number from 0 to 59/],
    ["a minute of 60", "60 * * * *", /minute 60 is out of range: 0 to 59/],
    ["an hour of 24", "0 24 * * *", /hour 24 is out of range/],
    ["day 0", "0 0 0 * *", /day-of-month 0 is out of range: 1 to 31/],
    ["month 13", "0 0 1 13 *", /month 13 is out of range/],
    ["weekday 8", "0 0 * * 8", /out of range/],
    ["a weekday's whole name", "0 0 * * monday", /expected a number from 0 to 7 or sun to sat/],
    ["a name in the wrong field", "0 jan * * *", /hour "jan"/],
    ["a range backwards", "30-10 * * * *", /ends before it begins/],
    ["a range from Friday to Sunday by name", "0 0 * * fri-sun", /ends before it begins/],
    ["two hyphens", "1-2-3 * * * *", /only one -/],
    ["two slashes", "*/2/3 * * * *", /only one \//],
    ["a step of 0", "*/0 * * * *", /step must be a number above 0/],
    ["no step", "*/ * * * *", /step must be a number above 0/],
    ["an empty list item", "1,,2 * * * *", /a value is missing/],
    ["a sign", "+5 * * * *", /only digits/],
    ["a negative number", "-5 * * * *", /a value is missing/],
    ["February 30", "0 0 30 2 *", /never fires/],
    ["the 31st of short months", "0 0 31 4,6,9,11 *", /never fires/],
    ["an unknown descriptor", "@fortnightly", /unknown descriptor/],
    ["a descriptor in capitals", "@Daily", /unknown descriptor/],
    ["@reboot", "@reboot", /unknown descriptor/],
    ["@every without a duration", "@every", /needs a duration/],
    ["@every with no unit", "@every 5", /needs a duration/],
    ["@every 0s", "@every 0s", /above zero/],
    ["@every backwards", "@every -1h", /above zero/],
    ["a zone that is none", "CRON_TZ=Mars/Phobos 0 3 * * *", /unknown time zone/],
    ["no zone", "CRON_TZ= 0 3 * * *", /unknown time zone/],
    ["an abbreviation", "CRON_TZ=PST 0 3 * * *", /abbreviations are ambiguous/],
    ["an offset", "TZ=+01:00 0 3 * * *", /is an offset/],
    ["a zone in the wrong case", "TZ=europe/berlin 0 3 * * *", /is spelled "Europe\/Berlin"/],
  ];

  it.each(rows)("%s", (_what, line, why) => {
    expect(message(line)).toMatch(why);
  });
});

describe("the grammar of schedule lines takes", () => {
  it.each([
    "0 3 * * *",
    "  0\t3 * * *  ",
    "*/5 * * * *",
    "0 0 29 2 *",
    "0 0 31 2 mon",
    "0 0 ? * MON-fri",
    "05 03 * * *",
    "TZ=US/Eastern 0 3 * * *",
    "CRON_TZ=UTC @daily",
    "@every 1h30m10s",
    "@hourly",
    "0 0 1,15 * 1-5/2",
  ])("%s", (line) => {
    expect(message(line)).toMatch(/^ok/);
  });

  it("7 for Sunday, with a warning", () => {
    const parsed = parseScheduleLine("0 0 * * 7");

    expect(parsed).toMatchObject({ type: "ok", line: { warnings: [expect.stringContaining("Sunday")] } });
  });

  it("a star in a list for a star", () => {
    const parsed = parseScheduleLine("0 0 *,5 * 1");

    expect(parsed).toMatchObject({ type: "ok", line: { fields: { dayOfMonth: { isStar: true } } } });
  });
});
