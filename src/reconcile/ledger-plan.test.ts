import { describe, expect, it } from "vitest";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import type { KeyRecord } from "../report/restore-record.ts";
import type { RestoreClaim } from "../storage/claims.ts";
import { judgeLedger, restoreKey } from "./ledger-plan.ts";

const installation = { cluster: "prod", clusterUid: "uid-1", namespace: "holdfast", term: 3 };
const claim: RestoreClaim = {
  key: "k".repeat(64),
  run: "undo-20261120210000",
  cluster: "prod",
  clusterUid: "uid-1",
  namespace: "holdfast",
  name: "undo",
  term: 3,
  claimedAt: "2026-11-20T21:00:00Z",
};
const done = { phase: "Completed", completedAt: "2026-11-20T21:01:00Z", term: 3 };
const spec: RestorePlanSpec = { source: { backupName: "b" } };

describe("the key of a restore", () => {
  const base = restoreKey("prod", "holdfast", spec);
  const rows: [name: string, key: string, isSame: boolean][] = [
    ["another name of the plan", restoreKey("prod", "holdfast", { ...spec }), true],
    ["another approval", restoreKey("prod", "holdfast", { ...spec, approval: { mode: "PlanDigest" } }), true],
    ["a runId", restoreKey("prod", "holdfast", { ...spec, runId: "2" }), false],
    ["a default written out", restoreKey("prod", "holdfast", { ...spec, existingResourcePolicy: "none" }), false],
    ["another cluster", restoreKey("dev", "holdfast", spec), false],
    ["another namespace", restoreKey("prod", "team", spec), false],
  ];
  it.each(rows)("%s", (_name, key, isSame) => {
    expect(key === base).toBe(isSame);
  });
});

describe("the ledger", () => {
  const git: KeyRecord = claim;
  const foreign = { ...claim, clusterUid: "uid-2" };
  const rows: [name: string, git: KeyRecord | undefined, bucket: RestoreClaim | undefined, verdict: string][] = [
    ["knows nothing", undefined, undefined, "free"],
    ["begun in Git", git, undefined, "begun"],
    ["begun in the bucket", undefined, claim, "begun"],
    ["finished in Git, not in the bucket", { ...git, done }, claim, "finished"],
    ["finished by a cluster that is gone", { ...git, clusterUid: "uid-2", done }, undefined, "finished"],
    ["begun by another cluster in the bucket, by us in Git", git, foreign, "otherCluster"],
    ["begun by another cluster", { ...git, clusterUid: "uid-2" }, undefined, "otherCluster"],
  ];
  it.each(rows)("%s", (_name, inGit, inBucket, verdict) => {
    const bucket = inBucket === undefined ? undefined : { claim: inBucket, done: undefined };

    expect(judgeLedger({ git: inGit, bucket }, installation).type).toBe(verdict);
  });

  it("blocks when only the bucket knows the end", () => {
    const verdict = judgeLedger({ git, bucket: { claim, done: { run: claim.run, ...done } } }, installation);

    expect(verdict).toEqual({ type: "finished", run: claim.run, phase: "Completed", completedAt: done.completedAt });
  });
});
