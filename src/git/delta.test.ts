import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta, deltaTargetSize, encodeDelta } from "./delta.ts";

const rows = (count: number, changed = -1) =>
  Buffer.from(
    Array.from({ length: count }, (_, i) => `{"name":"b-${i}","items":${i === changed ? -1 : i}}\n`).join(""),
  );

describe("deltas", () => {
  it("give back the target, whatever source and target are", () => {
    const pieces = fc.array(fc.constantFrom("abcdefghijklmnop", "0123456789abcdef!", "x", "\0\0\0\0"), {
      maxLength: 40,
    });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      pieces.map((words) => Buffer.from(words.join(""))),
    );
    fc.assert(
      fc.property(bytes, bytes, (source, target) => {
        const delta = encodeDelta(Buffer.from(source), Buffer.from(target));
        expect(applyDelta(Buffer.from(source), delta)).toEqual(Buffer.from(target));
        expect(deltaTargetSize(delta)).toBe(target.length);
      }),
    );
  });

  it.each([
    ["a row changed in the middle", rows(2000), rows(2000, 1000)],
    ["a row added at the end", rows(2000), rows(2001)],
    ["a row added in front", rows(2000), Buffer.concat([Buffer.from("first\n"), rows(2000)])],
    ["two places changed", rows(2000, 3), rows(2000, 1997)],
  ])("cost what changed, not what is there: %s", (_what, source, target) => {
    const delta = encodeDelta(source, target);

    expect(applyDelta(source, delta)).toEqual(target);
    expect(delta.length).toBeLessThan(150);
  });

  it("are refused when damaged, cut, or meant for another source", () => {
    const source = rows(100);
    const delta = encodeDelta(source, rows(100, 50));

    expect(() => applyDelta(rows(99), delta)).toThrow(RangeError);
    expect(() => applyDelta(source, delta.subarray(0, delta.length - 3))).toThrow(RangeError);
    for (let at = 4; at < delta.length; at++) {
      const damaged = Buffer.from(delta);
      damaged[at] = (damaged[at] ?? 0) ^ 0x80;
      try {
        applyDelta(source, damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});
