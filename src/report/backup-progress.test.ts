import { describe, expect, it } from "vitest";
import { progressText } from "./backup-progress.ts";

describe("the progress of a backup", () => {
  const running = { itemsBackedUp: 1_200, totalItems: 5_000, itemsPerSecond: 800, etaSeconds: 5 };

  it.each([
    ["nothing is known", undefined, "0 of 0"],
    ["it has ended", { itemsBackedUp: 7, totalItems: 7 }, "7 of 7"],
    [
      "resources are still to be listed",
      { ...running, resourcesListed: 23, totalResources: 61 },
      "1200 of 5000 known so far (23 of 61 resources listed), 800/s, at least 5 s left",
    ],
    ["all is listed", { ...running, resourcesListed: 61, totalResources: 61 }, "1200 of 5000, 800/s, about 5 s left"],
    [
      "there is no rate yet",
      { itemsBackedUp: 0, totalItems: 9, itemsPerSecond: 0, resourcesListed: 0, totalResources: 2 },
      "0 of 9 known so far (0 of 2 resources listed), 0/s",
    ],
  ])("says what the total is when %s", (_when, progress, text) => {
    expect(progressText(progress)).toBe(text);
  });
});
