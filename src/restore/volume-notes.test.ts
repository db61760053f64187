import { describe, expect, it } from "vitest";
import type { PlanEntry } from "../report/plan.ts";
import { createVolumeNotes } from "./volume-notes.ts";

const claim = (name: string, action: PlanEntry["action"], resource = "persistentvolumeclaims"): PlanEntry => ({
  resource,
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  namespace: "shop",
  name,
  action,
});

function noted(...entries: PlanEntry[]): string[] {
  const notes = createVolumeNotes();
  for (const entry of entries) notes.add(entry);
  return notes.notes();
}

describe("the notes on volumes", () => {
  it("name claims that are made anew, the first few of many", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];

    expect(noted(claim("disk", "create"))).toEqual([expect.stringMatching(/^1 claim .* \(shop\/disk\): .*empty$/)]);
    expect(noted(...names.map((name) => claim(name, "recreate")))).toEqual([
      expect.stringMatching(/^7 claims .*\(shop\/a, shop\/b, shop\/c, shop\/d, shop\/e, and 2 more\): /),
    ]);
  });

  it("say nothing of claims that stay, nor of anything else", () => {
    expect(noted(claim("disk", "patch"), claim("other", "unchanged"), claim("pod", "create", "pods"))).toEqual([]);
  });
});
