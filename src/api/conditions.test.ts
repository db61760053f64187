import { describe, expect, it } from "vitest";
import { findCondition, removeCondition, setCondition, setStanding } from "./conditions.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z");
const T1 = T0 + 60_000;

describe("setCondition", () => {
  it("adds what is not there, with the time", () => {
    expect(
      setCondition(
        undefined,
        { type: "Ready", status: true, reason: "Accepted", message: "fine", observedGeneration: 2 },
        T0,
      ),
    ).toEqual([
      {
        type: "Ready",
        status: "True",
        reason: "Accepted",
        message: "fine",
        observedGeneration: 2,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it("keeps the time while the status stays", () => {
    const before = setCondition([], { type: "Ready", status: false, reason: "Failed", message: "a" }, T0);
    const after = setCondition(before, { type: "Ready", status: false, reason: "Failed", message: "b" }, T1);

    expect(after).toMatchObject([{ message: "b", lastTransitionTime: "2026-01-01T00:00:00Z" }]);
  });

  it("moves the time when the status changes", () => {
    const before = setCondition([], { type: "Ready", status: "Unknown", reason: "Progressing", message: "" }, T0);

    expect(setCondition(before, { type: "Ready", status: true, reason: "Accepted", message: "" }, T1)).toMatchObject([
      { status: "True", lastTransitionTime: "2026-01-01T00:01:00Z" },
    ]);
  });

  it("gives back the same array where nothing changed, so that nothing is written", () => {
    const before = setCondition([], { type: "Ready", status: true, reason: "Accepted", message: "" }, T0);

    expect(setCondition(before, { type: "Ready", status: true, reason: "Accepted", message: "" }, T1)).toBe(before);
  });

  it("leaves the others where they stand", () => {
    const before = setCondition(
      setCondition([], { type: "Succeeded", status: true, reason: "Completed", message: "" }, T0),
      { type: "Ready", status: true, reason: "Accepted", message: "" },
      T0,
    );
    const after = setCondition(
      before,
      { type: "Succeeded", status: false, reason: "PartiallyFailed", message: "" },
      T1,
    );

    expect(after.map(({ type, status }) => `${type}=${status}`)).toEqual(["Succeeded=False", "Ready=True"]);
  });

  it("cuts a message to what the schema takes", () => {
    const [condition] = setCondition(
      [],
      { type: "Ready", status: true, reason: "Accepted", message: "x".repeat(40_000) },
      T0,
    );

    expect(condition?.message).toHaveLength(32_768);
  });
});

describe("removeCondition and findCondition", () => {
  const conditions = setCondition([], { type: "Stalled", status: true, reason: "InvalidSpec", message: "" }, T0);

  it("remove and find by type", () => {
    expect(findCondition(conditions, "Stalled")?.reason).toBe("InvalidSpec");
    expect(removeCondition(conditions, "Stalled")).toEqual([]);
    expect(findCondition(undefined, "Ready")).toBeUndefined();
  });

  it("give back the same array where there is nothing to remove", () => {
    expect(removeCondition(conditions, "Ready")).toBe(conditions);
  });
});

describe("setStanding", () => {
  const shown = (type: "ready" | "failing" | "reconciling" | "stalled"): string[] =>
    setStanding([], { type, reason: "Progressing", message: "" }, 1, T0).map(
      (condition) => `${condition.type}=${condition.status}`,
    );

  it("gives kstatus what it reads", () => {
    expect({
      ready: shown("ready"),
      failing: shown("failing"),
      reconciling: shown("reconciling"),
      stalled: shown("stalled"),
    }).toEqual({
      ready: ["Ready=True"],
      failing: ["Ready=False", "Reconciling=True"],
      reconciling: ["Ready=Unknown", "Reconciling=True"],
      stalled: ["Ready=False", "Stalled=True"],
    });
  });

  it("takes away what no longer holds", () => {
    const stalled = setStanding([], { type: "stalled", reason: "InvalidSpec", message: "" }, 1, T0);

    expect(
      setStanding(stalled, { type: "ready", reason: "Accepted", message: "" }, 2, T1).map(({ type }) => type),
    ).toEqual(["Ready"]);
  });

  it("says the same thing twice with the same array", () => {
    const once = setStanding([], { type: "failing", reason: "KubeUnavailable", message: "" }, 1, T0);

    expect(setStanding(once, { type: "failing", reason: "KubeUnavailable", message: "" }, 1, T1)).toBe(once);
  });
});
