import { describe, expect, it } from "vitest";
import type { RestorePlanStatus } from "../api/kinds.generated.ts";
import { claimedStatus, isPrepared, waitingPlan } from "./claimed-status-plan.ts";

const claim = {
  run: { id: "undo-20260102030405", token: "t", term: 1, key: "k1", claimedAt: "2026-01-02T03:04:05Z" },
  backup: { name: "nightly" },
  generation: 2,
  nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
};

describe("a claim in the status", () => {
  const waiting: RestorePlanStatus = { phase: "New", planDigest: "d", planTotals: { patch: 0 }, safetyBackup: "old" };

  it.each([
    ["waited for its approval", waiting],
    ["ran another key", { ...waiting, phase: "Completed", run: { ...claim.run, id: "before", key: "k0" } } as const],
    ["has no status", undefined],
  ])("is not prepared when the plan %s", (_, before) => {
    const status = claimedStatus(before, claim);

    expect(status).not.toHaveProperty("planTotals");
    expect(status).not.toHaveProperty("safetyBackup");
    expect(isPrepared(status, "k1", "off")).toBe(false);
    expect(status).toMatchObject({ phase: "InProgress", run: { id: claim.run.id }, backup: { name: "nightly" } });
  });

  it("keeps what an attempt of the same key prepared", () => {
    const before = claimedStatus(undefined, claim);
    const prepared = { ...before, planDigest: "d", planTotals: { patch: 1 }, safetyBackup: "copy" };

    const again = claimedStatus(prepared, { ...claim, run: { ...claim.run, token: "t2" } });

    expect(again).toMatchObject({ planTotals: { patch: 1 }, safetyBackup: "copy", run: { token: "t2" } });
    expect(isPrepared(again, "k1", "location")).toBe(true);
  });
});

describe("a run is prepared", () => {
  const status = (more: RestorePlanStatus): RestorePlanStatus => ({ run: claim.run, ...more });

  it.each([
    ["not before its plan", status({}), false],
    ["with nothing to copy", status({ planTotals: { create: 3, unchanged: 2 } }), true],
    ["not before the copy of what it patches", status({ planTotals: { patch: 1 } }), false],
    ["not before the copy of what it deletes", status({ planTotals: { delete: 1 } }), false],
    ["with the copy", status({ planTotals: { recreate: 1 }, safetyBackup: "copy" }), true],
  ])("%s", (_, given, expected) => {
    expect(isPrepared(given, "k1", "location")).toBe(expected);
  });

  it("is not told so by a plan that waits", () => {
    const before = status({});

    const after = { ...before, ...waitingPlan(before, { planDigest: "d", planTotals: { create: 1 } }) };

    expect([after.planDigest, isPrepared(after, "k1", "off")]).toEqual(["d", false]);
    expect(waitingPlan({}, { planDigest: "d", planTotals: { create: 1 } })).toHaveProperty("planTotals");
  });
});
