import { describe, expect, it } from "vitest";
import { timeZoneProblem } from "./time-zone.ts";

describe("time zones", () => {
  it.each([
    "UTC",
    "Europe/Berlin",
    "US/Eastern",
    "Etc/GMT+5",
    "EST5EDT",
    "Asia/Kolkata",
    "America/Argentina/Buenos_Aires",
    "GMT",
  ])("%s is one", (name) => {
    expect(timeZoneProblem(name)).toBeUndefined();
  });

  it.each([
    ["", /unknown/],
    ["Local", /unknown/],
    ["PST", /abbreviations are ambiguous/],
    ["IST", /abbreviations are ambiguous/],
    ["SystemV/AST4", /unknown/],
    ["europe/berlin", /is spelled "Europe\/Berlin"/],
    ["utc", /is spelled "UTC"/],
    ["+01:00", /is an offset/],
    ["UTC+1", /is an offset/],
    ["Europe/Berln", /did you mean "Europe\/Berlin"/],
    ["Mars/Phobos", /such as Europe\/Berlin/],
  ])("%j is none", (name, why) => {
    expect(timeZoneProblem(name)).toMatch(why);
  });
});
