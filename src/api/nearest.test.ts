import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

describe("nearest", () => {
  const known = ["includedNamespaces", "excludedNamespaces", "ttl", "hooks", "storageLocation"];

  it.each([
    ["includeNamespaces", "includedNamespaces"],
    ["excludeNamespaces", "excludedNamespaces"],
    ["TTL", "ttl"],
    ["tll", "ttl"],
    ["hook", "hooks"],
    ["storagelocation", "storageLocation"],
    ["storageLocaiton", "storageLocation"],
  ])("%s is meant for %s", (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it("of two that are as near, that which the word begins is meant", () => {
    expect(nearest("Of", ["On", "Off"])).toBe("Off");
  });

  it.each(["", "schedule", "x", "completelyDifferent"])("%j is meant for none", (word) => {
    expect(nearest(word, known)).toBeUndefined();
  });
});
