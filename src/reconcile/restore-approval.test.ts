import { describe, expect, it } from "vitest";
import type { Approval } from "../api/kinds.generated.ts";
import { demandApproved } from "./restore-approval.ts";

const now = "a".repeat(64);

describe("the last look before a restore writes", () => {
  it.each<[string, Approval | undefined, boolean]>([
    ["merged is approved", undefined, true],
    ["the digest is this plan's", { mode: "PlanDigest", planDigest: now }, true],
    ["the digest is another plan's", { mode: "PlanDigest", planDigest: "b".repeat(64) }, false],
    ["there is no digest yet", { mode: "PlanDigest" }, false],
  ])("%s", (_, approval, isApproved) => {
    const look = (): void =>
      demandApproved({ source: { backupName: "a" }, ...(approval === undefined ? {} : { approval }) }, now);

    if (isApproved) expect(look).not.toThrow();
    else expect(look).toThrow(expect.objectContaining({ code: "PlanStale" }));
  });
});
