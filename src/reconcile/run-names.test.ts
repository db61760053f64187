import { describe, expect, it } from "vitest";
import { createRunNames } from "./run-names.ts";

const NOW = Date.parse("2026-01-02T03:04:59.500Z");
const at = (namespace: string, name = "undo") => ({ namespace, name });

describe("the name of a restore run", () => {
  it("is of the plan and the time", () => {
    expect(createRunNames(() => []).name(at("a"), NOW)).toBe("undo-20260102030459");
  });

  it("is no other's, though plans of one name begin in one second", () => {
    const names = createRunNames(() => []);

    const named = ["a", "b", "c"].map((namespace) => names.name(at(namespace), NOW));

    expect(named).toEqual(["undo-20260102030459", "undo-20260102030500", "undo-20260102030501"]);
    expect(names.name(at("a", "other"), NOW)).toBe("other-20260102030459");
  });

  it("is not that of a run in the cluster, from before this process", () => {
    const names = createRunNames(() => [{ status: { run: { id: "undo-20260102030459", token: "t", term: 1 } } }, {}]);

    expect(names.name(at("a"), NOW)).toBe("undo-20260102030500");
  });

  it("is given again to a plan that did not begin", () => {
    const names = createRunNames(() => []);
    names.name(at("a"), NOW);

    expect(names.name(at("a"), NOW)).toBe("undo-20260102030459");
  });
});
