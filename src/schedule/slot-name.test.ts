import { describe, expect, it } from "vitest";
import { backupName, parseBackupName } from "./slot-name.ts";

const SLOT = {
  policy: "shop-all",
  schedule: "hourly",
  slotMs: Date.parse("2026-01-02T03:04:05Z"),
  namespace: "holdfast",
};

describe("backup names", () => {
  it("say policy, schedule and slot", () => {
    expect(backupName(SLOT, "holdfast")).toBe("shop-all-hourly-20260102030405");
  });

  it("say the namespace where it is not Holdfast's own", () => {
    expect(backupName({ ...SLOT, namespace: "team-a" }, "holdfast")).toBe("team-a.shop-all-hourly-20260102030405");
  });

  it.each(["holdfast", "team-a"])("are read back in %s", (namespace) => {
    const slot = { ...SLOT, namespace };

    expect(parseBackupName(backupName(slot, "holdfast"), "holdfast")).toEqual({ ...slot, rerun: 0 });
  });

  it("keep their slot when it is made up", () => {
    expect(parseBackupName("shop-all-hourly-20260102030405-r1", "holdfast")).toEqual({ ...SLOT, rerun: 1 });
  });

  it.each([
    "shop",
    "shop-hourly-2026",
    "shop-hourly-20261302030405",
    "a.b.c-hourly-20260102030405",
    "-hourly-20260102030405",
  ])("%s is another one's", (name) => {
    expect(parseBackupName(name, "holdfast")).toBeUndefined();
  });
});
