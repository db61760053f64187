import { describe, expect, it } from "vitest";
import { BACKUP, GIT_KINDS, isKind, KINDS, kindByName } from "./kinds.ts";
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

  it("are told by group, version and kind: Velero's Backup is not ours", () => {
    const object = { apiVersion: "velero.io/v1", kind: "Backup", metadata: { name: "b" } };

    expect(isKind(object, BACKUP)).toBe(false);
    expect(isKind({ ...object, apiVersion: "holdfast.dev/v1alpha1" }, BACKUP)).toBe(true);
    expect(kindByName("Restore")).toBeUndefined();
  });
});
