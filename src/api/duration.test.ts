import { describe, expect, it } from "vitest";
import { formatGoDuration, parseDuration } from "./duration.ts";

describe("Go durations", () => {
  it.each([
    ["720h", 2_592_000_000, "720h0m0s"],
    ["1h30m", 5_400_000, "1h30m0s"],
    ["90s", 90_000, "1m30s"],
    ["1.5s", 1_500, "1.5s"],
    [".5s", 500, "500ms"],
    ["20ms", 20, "20ms"],
    ["0", 0, "0s"],
    ["0s", 0, "0s"],
    ["-2m", -120_000, "-2m0s"],
    ["240h0m0s", 864_000_000, "240h0m0s"],
  ])("%s is %d ms, written %s", (text, ms, written) => {
    expect(parseDuration(text)).toBe(ms);
    expect(formatGoDuration(ms)).toBe(written);
  });

  it.each(["", "1", "1d", "h", "1h-2m", " 1s", "1s "])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
