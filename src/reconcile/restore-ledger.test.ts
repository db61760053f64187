import { describe, expect, it } from "vitest";
import { CodedError } from "../errors.ts";
import { noFailpoints } from "../failpoints.ts";
import type { KeyRecord } from "../report/restore-record.ts";
import { claimRestore, readRestoreClaim } from "../storage/claims.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { finishLedger } from "./restore-ledger.ts";

const claim = {
  key: "a".repeat(64),
  run: "undo-20260102030405",
  cluster: "prod",
  clusterUid: "uid",
  namespace: "team",
  name: "undo",
  term: 1,
  claimedAt: "2026-01-02T03:04:05Z",
};
const ended: KeyRecord = { ...claim, done: { phase: "Completed", completedAt: "2026-01-02T03:05:00Z", term: 1 } };

describe("the end of a restore", () => {
  it("is in the bucket although Git is down, and Git's failure is told", async () => {
    const store = new MemoryStore();
    await claimRestore(store, claim);
    const down = new CodedError("GitUnreachable", { url: "https://git.test" }, "git.test does not answer");
    const record = { writeKey: () => Promise.reject(down) };

    const finished = finishLedger(
      { record, hit: noFailpoints },
      { key: claim.key, store, conditionalWrites: true, isReadOnly: false },
      ended,
    );

    await expect(finished).rejects.toBe(down);
    expect((await readRestoreClaim(store, claim.key))?.done).toMatchObject({ phase: "Completed" });
  });
});
