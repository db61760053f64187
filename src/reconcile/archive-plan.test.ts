import { describe, expect, it } from "vitest";
import { backupMoves, firstKeptYear, movedRows, rowsThatStay, yearOfRun, yearOfShard } from "./archive-plan.ts";

const SHARD = "backups/holdfast/main/2023/04/index.json";
const FILE = "backups/holdfast/main/2023/04/a.yaml";
const gone = { phase: "Completed", completed: "2023-04-01T00:00:09Z", gone: true } as const;
const there = { phase: "Completed", completed: "2023-04-02T00:00:09Z" } as const;

describe("which years are old", () => {
  it.each([
    ["the first moment of a year", "2026-01-01T00:00:00Z", 2025],
    ["the last moment of a year", "2025-12-31T23:59:59Z", 2024],
  ])("counts in UTC: %s", (_name, now, year) => {
    expect(firstKeptYear(Date.parse(now))).toBe(year);
  });

  it.each([
    [SHARD, 2023],
    ["backups/holdfast/main/2023/index.json", undefined],
    ["backups/holdfast/main/notes/04/index.json", undefined],
  ])("reads it from a month: %s", (path, year) => {
    expect(yearOfShard(path)).toBe(year);
  });

  it.each([
    ["restores/shop/undo/undo-20230401120000", 2023],
    ["restores/shop/undo-20230401120000/by-hand", undefined],
    ["restores/shop/undo/undo-2023", undefined],
  ])("reads it from a run: %s", (folder, year) => {
    expect(yearOfRun(folder)).toBe(year);
  });
});

describe("which backups move", () => {
  it.each<[string, typeof gone | typeof there, string[], number]>([
    ["one that the bucket holds no more", gone, [], 1],
    ["none that it holds", there, [], 0],
    ["none that is still an object in the cluster", gone, [FILE], 0],
  ])("%s", (_name, row, live, moves) => {
    expect(backupMoves(SHARD, { a: row }, new Set(live))).toHaveLength(moves);
  });

  it("moves its file and its row", () => {
    const moves = backupMoves(SHARD, { a: gone, b: there }, new Set());

    expect(moves).toEqual([{ files: [FILE], row: { shard: SHARD, name: "a", row: gone } }]);
    expect(movedRows([...moves, { files: ["restores/a/b/c/status.yaml"] }])).toEqual(new Map([[SHARD, { a: gone }]]));
  });
});

it("leaves a row that changed meanwhile, and one whose file stays", () => {
  const rows = { moved: gone, changed: there, edited: gone, other: there };

  const left = rowsThatStay(rows, { moved: gone, changed: gone, edited: gone }, new Set(["edited"]));

  expect(Object.keys(left)).toEqual(["changed", "edited", "other"]);
});
