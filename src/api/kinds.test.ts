import { describe, expect, it } from "vitest";
import { GIT_KINDS, KINDS, kindByName } from "./kinds.ts";
import { KIND_SCHEMAS } from "./schemas.generated.ts";

describe("kinds", () => {
  it("are those that have a schema", () => {
    expect(KINDS.map(({ kind }) => kind).sort()).toEqual(Object.keys(KIND_SCHEMAS).sort());
  });

  it("may stand in Git, all but the one that says where Git is", () => {
    expect(GIT_KINDS.map(({ kind }) => kind)).toEqual([
      "BackupStorageLocation",
      "BackupPolicy",
      "Backup",
      "RestorePlan",
    ]);
  });

  it("are found by name", () => {
    expect(kindByName("Backup")?.resource).toBe("backups");
    expect(kindByName("Restore")).toBeUndefined();
  });
});
