import { describe, expect, it } from "vitest";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { notificationBody, notificationOf } from "./notification.ts";
import { occurrencesOf } from "./occurrences.ts";

function object(kind: string, status: object): KubeObject {
  return { apiVersion: API_VERSION, kind, metadata: { name: "x", namespace: "shop", uid: "u" }, spec: {}, status };
}

function standing(ready: string, reason: string, stalled = false): object {
  const conditions = [{ type: "Ready", status: ready, reason, message: `because of ${reason}` }];
  return { conditions: [...conditions, ...(stalled ? [{ ...conditions[0], type: "Stalled", status: "True" }] : [])] };
}

const failed = { phase: "Failed", failureReason: "the bucket is gone", ...standing("True", "Failed") };

describe("what a change tells", () => {
  it.each([
    ["a backup that begins", "Backup", {}, { phase: "InProgress", storageLocation: "main" }, "Normal BackupStarted"],
    ["one that completes", "Backup", { phase: "InProgress" }, { phase: "Completed" }, "Normal BackupCompleted"],
    [
      "one that lacks something",
      "Backup",
      { phase: "InProgress" },
      { phase: "PartiallyFailed" },
      "Warning BackupPartiallyFailed",
    ],
    ["one that fails", "Backup", { phase: "InProgress" }, failed, "Warning BackupFailed"],
    [
      "one that is refused, once",
      "Backup",
      { phase: "New" },
      { phase: "FailedValidation", ...standing("False", "FailedValidation", true) },
      "Warning BackupFailedValidation",
    ],
    ["a restore", "RestorePlan", { phase: "InProgress" }, { phase: "Completed" }, "Normal RestoreCompleted"],
    [
      "a location that goes",
      "BackupStorageLocation",
      { phase: "Available" },
      { phase: "Unavailable", ...standing("False", "StoreAuth") },
      "Warning LocationUnavailable",
    ],
    [
      "a location that comes back",
      "BackupStorageLocation",
      { phase: "Unavailable", ...standing("False", "StoreAuth") },
      { phase: "Available", ...standing("True", "Available") },
      "Normal LocationAvailable",
    ],
    ["a location that is there at first", "BackupStorageLocation", {}, { phase: "Available" }, ""],
    [
      "a source that stalls",
      "GitSource",
      standing("True", "Applied"),
      standing("False", "HistoryRewritten", true),
      "Warning HistoryRewritten",
    ],
    ["a source that fails", "GitSource", standing("True", "Applied"), standing("False", "GitAuth"), "Warning GitAuth"],
    [
      "another failure",
      "GitSource",
      standing("False", "GitAuth"),
      standing("False", "GitTimeout"),
      "Warning GitTimeout",
    ],
    ["the same failure", "GitSource", standing("False", "GitAuth"), standing("False", "GitAuth"), ""],
    [
      "one that is well again",
      "GitSource",
      standing("False", "GitAuth"),
      standing("True", "Applied"),
      "Normal Recovered",
    ],
    [
      "held deletions",
      "BackupStorageLocation",
      { phase: "Available", ...standing("True", "Available") },
      { phase: "Available", ...standing("True", "DeletionsHeld") },
      "Warning DeletionsHeld",
    ],
    ["progress", "Backup", { phase: "InProgress" }, { phase: "InProgress", progress: { totalItems: 1 } }, ""],
  ])("%s", (_name, kind, before, after, expected) => {
    const found = occurrencesOf(object(kind, before), object(kind, after));

    expect(found.map(({ type, reason }) => `${type} ${reason}`).join(", ")).toBe(expected);
  });

  it("nothing when an object is seen for the first time, or is gone", () => {
    expect(occurrencesOf(undefined, object("Backup", failed))).toEqual([]);
    expect(occurrencesOf(object("Backup", failed), undefined)).toEqual([]);
  });
});

describe("a notification", () => {
  it("in Slack's JSON says what and where, and can't hide a link in a message", () => {
    const [occurrence] = occurrencesOf(
      object("Backup", { phase: "InProgress" }),
      object("Backup", { ...failed, failureReason: "<https://evil.example|fine> & done" }),
    );

    const body = notificationBody(notificationOf(occurrence as never, "prod", "2026-11-25T12:00:00Z"), "slack");

    expect(JSON.parse(body)).toEqual({
      text: ":red_circle: *prod: BackupFailed*\nBackup shop/x\nbackup x is Failed: &lt;https://evil.example|fine&gt; &amp; done",
    });
  });
});
