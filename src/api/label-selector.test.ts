import { describe, expect, it } from "vitest";
import {
  formatLabelSelector,
  labelSelectorProblems,
  matchesLabels,
  parseLabelSelector,
  selectsEverything,
} from "./label-selector.ts";

describe("label selectors", () => {
  const labels = { app: "web", tier: "front", constructor: "x" };

  it.each([
    [{}, true],
    [{ matchLabels: { app: "web" } }, true],
    [{ matchLabels: { app: "db" } }, false],
    [{ matchLabels: { toString: "x" } }, false],
    [{ matchLabels: { constructor: "x" } }, true],
    [{ matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "In", values: ["back"] }] }, false],
    [{ matchExpressions: [{ key: "tier", operator: "In", values: ["back", "front"] }] }, true],
    [{ matchExpressions: [{ key: "absent", operator: "NotIn", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "tier", operator: "NotIn", values: ["front"] }] }, false],
    [{ matchExpressions: [{ key: "app", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }, false],
  ])("%j matches: %s", (selector, expected) => {
    expect(matchesLabels(selector, labels)).toBe(expected);
  });

  it("writes the query form that LIST takes", () => {
    const text = formatLabelSelector({
      matchLabels: { b: "2", a: "1" },
      matchExpressions: [
        { key: "c", operator: "In", values: ["y", "x"] },
        { key: "d", operator: "NotIn", values: ["z"] },
        { key: "e", operator: "Exists" },
        { key: "f", operator: "DoesNotExist" },
      ],
    });

    expect(text).toBe("a=1,b=2,c in (x,y),d notin (z),e,!f");
    expect(formatLabelSelector(parseLabelSelector(text))).toBe(text);
  });

  it("reads != as NotIn, and refuses what it can't read", () => {
    expect(parseLabelSelector("a!=b")).toEqual({ matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] });
    expect(parseLabelSelector("a=b=c")).toBeUndefined();
    expect(parseLabelSelector("a in b")).toBeUndefined();
  });

  it("names what is wrong", () => {
    expect(labelSelectorProblems({ matchExpressions: [{ key: "a", operator: "In" }] })).toHaveLength(1);
    expect(labelSelectorProblems({ matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] })).toHaveLength(
      1,
    );
    expect(labelSelectorProblems({ matchExpressions: [{ key: "a", operator: "Like" }] })).toEqual([
      '"Like" is not a valid label selector operator',
    ]);
    expect(labelSelectorProblems({ matchLabels: { a: "b", "example.com/c.d": "" } })).toEqual([]);
    expect(labelSelectorProblems({ matchLabels: { "a b": "-c" } })).toEqual([
      expect.stringMatching(/^key: Invalid value: "a b"/),
      expect.stringMatching(/^values: Invalid value: "-c".*\(key a b\)$/),
    ]);
    expect(labelSelectorProblems({ matchExpressions: [{ key: "", operator: "Exists" }] })).toEqual([
      "a matchExpressions entry has no key",
    ]);
  });

  it("knows an empty selector", () => {
    expect([undefined, {}, { matchLabels: {} }, { matchLabels: { a: "b" } }].map(selectsEverything)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
