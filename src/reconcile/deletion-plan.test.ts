import { describe, expect, it } from "vitest";
import { judgeDeletions } from "./deletion-plan.ts";

function deletions(count: number): { id: string; kind: string; uid: string }[] {
  return Array.from({ length: count }, (_each, at) => ({ id: `Backup ns/b${at}`, kind: "Backup", uid: `u${at}` }));
}

function staying(count: number): string[] {
  return Array.from({ length: count }, () => "Backup");
}

describe("the mass-deletion breaker", () => {
  const rows: [name: string, gone: number, stay: number, recent: number, verdict: "allowed" | "held"][] = [
    ["one of four", 1, 3, 0, "allowed"],
    ["exactly half of two", 1, 1, 0, "allowed"],
    ["more than half of three", 2, 1, 0, "held"],
    ["the last one", 1, 0, 0, "held"],
    ["ten of forty", 10, 30, 0, "allowed"],
    ["eleven of forty", 11, 29, 0, "held"],
    ["a fifth of a hundred", 20, 80, 0, "allowed"],
    ["more than a fifth of a hundred", 21, 79, 0, "held"],
    ["one more after ten within the hour", 1, 29, 10, "held"],
  ];
  it.each(rows)("%s: %i go, %i stay, %i went within the hour → %s", (_name, gone, stay, recent, verdict) => {
    expect(judgeDeletions(deletions(gone), staying(stay), { recent, allowed: undefined }).type).toBe(verdict);
  });

  it("is opened by the digest of exactly this set, in any order", () => {
    const held = judgeDeletions(deletions(3), [], { recent: 0, allowed: undefined });

    expect(judgeDeletions(deletions(3).reverse(), [], { recent: 0, allowed: held.digest }).type).toBe("allowed");
    expect(judgeDeletions(deletions(4), [], { recent: 0, allowed: held.digest }).type).toBe("held");
  });
});
