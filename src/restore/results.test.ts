import { expect, it } from "vitest";
import { createTally } from "./results.ts";
import type { ObjectOutcome, PlannedItem } from "./types.ts";

it.each([
  ["unchanged", [], "skipped"],
  ["unchanged", ["the modifier does not fit"], "failed"],
  ["labelled", ["the modifier does not fit"], "failed"],
  ["patched", ["the modifier does not fit"], "updated"],
  ["created", ["the modifier does not fit"], "created"],
] as [ObjectOutcome, string[], string][])(
  "lists an object that is %s with errors %j as %s",
  (outcome, errors, action) => {
    const tally = createTally();
    const about = { resource: "configmaps", apiVersion: "v1", kind: "ConfigMap", namespace: "a", name: "c" };

    tally.add({ ...about, outcome, errors }, {} as PlannedItem);

    expect([...tally.resourceLists()]).toEqual([["v1/ConfigMap", [`a/c(${action})`]]]);
    expect(tally.errorCount).toBe(errors.length);
  },
);
