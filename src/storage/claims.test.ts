import { describe, expect, it } from "vitest";
import {
  claimBackup,
  claimRestore,
  finishRestoreClaim,
  type RestoreClaim,
  readBackupClaim,
  readRestoreClaim,
} from "./claims.ts";
import { MemoryStore } from "./memory-store.ts";
import { testClaim } from "./testing.ts";

const key = "ab".repeat(32);

function restoreClaim(changes: Partial<RestoreClaim> = {}): RestoreClaim {
  return {
    key,
    run: "shop-20260102030405",
    cluster: "east",
    clusterUid: "uid-1",
    namespace: "holdfast",
    name: "shop",
    term: 3,
    claimedAt: "2026-01-02T03:04:05Z",
    ...changes,
  };
}

describe.each([true, false])("the claim of a backup's name (conditional writes: %s)", (conditionalWrites) => {
  it("is ours once and stays ours", async () => {
    const store = new MemoryStore();
    const claim = testClaim("a");

    expect(await claimBackup(store, "a", claim, { conditionalWrites })).toEqual({ type: "claimed" });
    expect(await claimBackup(store, "a", { ...claim, term: 2 }, { conditionalWrites })).toEqual({
      type: "ours",
      claim,
    });
    expect(await readBackupClaim(store, "a")).toEqual(claim);
  });

  it("names the cluster that has it", async () => {
    const store = new MemoryStore();
    await claimBackup(store, "a", testClaim("a", { cluster: "east", clusterUid: "uid-east" }), { conditionalWrites });

    const second = claimBackup(store, "a", testClaim("a", { token: "another", cluster: "west" }), {
      conditionalWrites,
    });

    await expect(second).rejects.toMatchObject({
      code: "BackupNameTaken",
      data: { name: "a", owner: expect.stringMatching(/cluster east \(uid-east\)/) },
    });
  });

  it("does not take a name under which Velero has files", async () => {
    const store = new MemoryStore();
    await store.put("backups/a/a-logs.gz", Buffer.from("x"));

    await expect(claimBackup(store, "a", testClaim("a"), { conditionalWrites })).rejects.toMatchObject({
      code: "BackupNameTaken",
    });
    expect(await store.head("backups/a/holdfast-claim.json")).toBeUndefined();
  });
});

describe("the claim of a backup's name", () => {
  it("is won by exactly one of many clusters at once", async () => {
    const store = new MemoryStore();

    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        claimBackup(store, "a", testClaim("a", { token: `t${i}`, cluster: `c${i}` })),
      ),
    );

    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });

  it.each(["not json", "[]", "null", '{"token":1}'])("is no claim when it is %s", async (text) => {
    const store = new MemoryStore();
    await store.put("backups/a/holdfast-claim.json", Buffer.from(text));

    await expect(readBackupClaim(store, "a")).rejects.toMatchObject({ code: "ClaimUnreadable" });
    await expect(claimBackup(store, "a", testClaim("a"))).rejects.toMatchObject({ code: "ClaimUnreadable" });
  });
});

describe("the claim of a restore", () => {
  it("is claimed once, then ours to resume, then done", async () => {
    const store = new MemoryStore();
    const claim = restoreClaim();
    const done = { run: claim.run, phase: "Completed", completedAt: "2026-01-02T03:05:00Z", term: 4 };

    expect(await readRestoreClaim(store, key)).toBeUndefined();
    expect(await claimRestore(store, claim)).toEqual({ type: "claimed" });
    expect(await claimRestore(store, restoreClaim({ term: 4 }))).toEqual({ type: "ours", claim, done: undefined });
    await finishRestoreClaim(store, key, done);
    await finishRestoreClaim(store, key, { ...done, phase: "Failed" });

    expect(await claimRestore(store, claim)).toEqual({ type: "ours", claim, done });
    const keys: string[] = [];
    for await (const stat of store.list("")) keys.push(stat.key);
    expect(keys).toEqual([
      `restores/holdfast-${"ab".repeat(16)}/claim.json`,
      `restores/holdfast-${"ab".repeat(16)}/done.json`,
    ]);
  });

  it.each<[string, Partial<RestoreClaim>]>([
    ["another run", { run: "shop-20270101000000" }],
    ["another cluster", { cluster: "west" }],
    ["a cluster of the same name with another UID", { clusterUid: "uid-2" }],
  ])("is taken for %s", async (_what, changes) => {
    const store = new MemoryStore();
    await claimRestore(store, restoreClaim());

    expect(await claimRestore(store, restoreClaim(changes))).toEqual({
      type: "taken",
      claim: restoreClaim(),
      done: undefined,
    });
  });

  it("is unreadable when it is of another key with the same beginning", async () => {
    const store = new MemoryStore();
    await claimRestore(store, restoreClaim());

    await expect(readRestoreClaim(store, `${"ab".repeat(16)}${"cd".repeat(16)}`)).rejects.toMatchObject({
      code: "ClaimUnreadable",
    });
  });
});
