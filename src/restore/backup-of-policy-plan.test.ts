import { describe, expect, it } from "vitest";
import type { Backup, BackupStatus } from "../api/kinds.generated.ts";
import { backupOfPolicy, type PolicySource } from "./backup-of-policy-plan.ts";

const NOON = "2026-03-01T12:00:00Z";
type Made = Pick<Backup, "metadata" | "status">;

function backup(name: string, began: string, status: Partial<BackupStatus> = {}, labels = {}): Made {
  const made = { name: "shop", namespace: "team", schedule: "hourly" };
  const metadata = { name, namespace: "team", labels };
  return { metadata, status: { phase: "Completed", startTimestamp: began, policy: made, ...status } } as Made;
}

function chosen(backups: readonly Made[], policy: Partial<PolicySource["policy"]> = {}): string | undefined {
  const source = { policy: { name: "shop", ...policy }, namespace: "team", mergedMs: Date.parse(NOON) };
  return backupOfPolicy(backups, source)?.metadata.name as string | undefined;
}

describe("the backup that a policy stands for", () => {
  const early = backup("early", "2026-03-01T10:00:00Z", { completionTimestamp: "2026-03-01T13:00:00Z" });
  const late = backup("late", "2026-03-01T11:59:00Z", { completionTimestamp: "2026-03-01T12:30:00Z" });
  const later = backup("later", "2026-03-01T12:30:00Z", { completionTimestamp: "2026-03-01T12:31:00Z" });

  it.each<[string, Partial<PolicySource["policy"]>, string | undefined]>([
    ["had begun at asOf, however late it ended", { asOf: "2026-03-01T11:59:00Z" }, "late"],
    ["had begun at an earlier asOf", { asOf: "2026-03-01T11:00:00Z" }, "early"],
    ["had begun at the merge", { asOf: "AtMerge" }, "late"],
    ["had begun at the merge, where nothing is said", {}, "late"],
    ["is of that schedule", { schedule: "daily" }, undefined],
    ["is of that policy", { name: "other" }, undefined],
  ])("%s", (_, policy, expected) => {
    expect(chosen([later, early, late], policy)).toBe(expected);
  });

  it("is of the policy in that namespace, and no safety copy", () => {
    const elsewhere = backup("elsewhere", "2026-03-01T11:00:00Z", { policy: { name: "shop", namespace: "other" } });
    const copy = backup("copy", "2026-03-01T11:00:00Z", {}, { "holdfast.dev/purpose": "safety" });
    const bare = backup("bare", "2026-03-01T09:00:00Z", { policy: { name: "shop" } });

    expect(chosen([elsewhere, copy, bare])).toBe("bare");
  });

  it("is good, as far as was asked", () => {
    const partial = backup("partial", "2026-03-01T11:00:00Z", { phase: "PartiallyFailed" });

    expect([chosen([partial]), chosen([partial], { allowPartiallyFailed: true })]).toEqual([undefined, "partial"]);
  });
});
