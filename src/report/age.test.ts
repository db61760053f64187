import { describe, expect, it } from "vitest";
import { ageText, expiryText } from "./age.ts";

const NOW_MS = Date.parse("2026-11-26T12:00:00Z");

describe("an age", () => {
  it.each([
    ["2026-11-26T12:00:09Z", "0s"],
    ["2026-11-26T11:59:20Z", "40s"],
    ["2026-11-26T11:58:01Z", "119s"],
    ["2026-11-26T11:57:59Z", "2m"],
    ["2026-11-26T09:59:59Z", "2h"],
    ["2026-11-24T12:00:01Z", "47h"],
    ["2026-11-24T11:59:00Z", "2d"],
    ["2024-11-26T12:00:00Z", "2y"],
    [undefined, ""],
    ["no time", ""],
  ])("since %s is %j", (time, expected) => {
    expect(ageText(time, NOW_MS)).toBe(expected);
  });
});

describe("an expiry", () => {
  it.each([
    ["2026-12-26T11:00:00Z", "29d"],
    ["2026-11-26T12:00:00Z", "expired"],
    ["2026-11-25T12:00:00Z", "expired"],
    [undefined, ""],
  ])("at %s is %j", (time, expected) => {
    expect(expiryText(time, NOW_MS)).toBe(expected);
  });
});
