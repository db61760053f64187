import { describe, expect, it } from "vitest";
import { compileGlob, isGlob } from "./glob.ts";

describe("compileGlob", () => {
  const rows: readonly [pattern: string, text: string, expected: boolean][] = [
    ["pods", "pods", true],
    ["pods", "pods.metrics.k8s.io", false],
    ["*", "", true],
    ["*.apps", "deployments.apps", true],
    ["*.io", "networkpolicies.networking.k8s.io", true],
    ["app-?", "app-1", true],
    ["app-?", "app-12", false],
    ["app-[ab]", "app-b", true],
    ["app-[a-c]", "app-c", true],
    ["app-[!a-c]", "app-c", false],
    ["app-[!a-c]", "app-d", true],
    ["s22-{app-a,db}", "s22-db", true],
    ["s22-{app-a,db}", "s22-app-b", false],
    ["{a,b{1,2}}-x", "b2-x", true],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-b-b", false],
    ["[", "[", false],
    ["a[]", "a", false],
    ["{a", "a", false],
  ];

  it.each(rows)("%s against %s is %s", (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });

  it("answers in no time where a regular expression would backtrack for ever", () => {
    const matches = compileGlob(`${"a*".repeat(30)}b`);

    expect(matches("a".repeat(5_000))).toBe(false);
  });

  it("tells a name from a pattern", () => {
    expect(["kube-system", "app-*", "a?", "{a,b}"].map(isGlob)).toEqual([false, true, true, true]);
  });
});
