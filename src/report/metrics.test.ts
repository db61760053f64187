import { describe, expect, it } from "vitest";
import type { Backup, BackupPolicy, BackupStatus } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import { backupGauges, countedSamples, scheduleGauges } from "./backup-samples.ts";
import { renderMetrics } from "./metrics.ts";
import type { Sample } from "./metrics-table.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");

function backup(name: string, status: BackupStatus, metadata: Partial<Backup["metadata"]> = {}): Backup {
  const policy = { namespace: "shop", name: "all", schedule: "hourly" };
  return {
    apiVersion: API_VERSION,
    kind: "Backup",
    metadata: { name, namespace: "shop", ...metadata },
    spec: {},
    status: { policy, ...status },
  };
}

function ended(name: string, hour: number, phase: NonNullable<BackupStatus["phase"]>, more: BackupStatus = {}): Backup {
  const hh = String(hour).padStart(2, "0");
  return backup(name, {
    phase,
    startTimestamp: `2026-11-25T${hh}:00:00Z`,
    completionTimestamp: `2026-11-25T${hh}:02:00Z`,
    ...more,
  });
}

/** `name{labels}` → value, of the series that are there. */
async function series(samples: readonly Sample[]): Promise<Record<string, string>> {
  const { text } = await renderMetrics(samples);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => line.split(/ (?=\S+$)/) as [string, string]));
}

const ORIGIN = 'namespace="shop",policy="all",schedule="hourly"';

describe("metrics of backups", () => {
  it("count each outcome once, and tell of the newest", async () => {
    const backups = [
      ended("a", 8, "Completed", { archiveSizeBytes: 500, warnings: 1 }),
      ended("b", 9, "Completed", { archiveSizeBytes: 700, expiration: "2026-11-25T11:00:00Z" }),
      ended("c", 10, "PartiallyFailed", { errors: 3, progress: { itemsBackedUp: 41, totalItems: 44 } }),
      backup("d", { phase: "InProgress", startTimestamp: "2026-11-25T11:00:00Z" }),
    ];

    const found = await series([...backups.flatMap(countedSamples), ...backupGauges(backups, NOW)]);

    expect(found).toMatchObject({
      [`holdfast_backup_attempt_total{${ORIGIN}}`]: "4",
      [`holdfast_backup_success_total{${ORIGIN}}`]: "2",
      [`holdfast_backup_partial_failure_total{${ORIGIN}}`]: "1",
      [`holdfast_backup_warning_total{${ORIGIN}}`]: "1",
      [`holdfast_backup_duration_seconds_count{${ORIGIN}}`]: "3",
      [`holdfast_backup_duration_seconds_bucket{le="60",${ORIGIN}}`]: "0",
      [`holdfast_backup_duration_seconds_bucket{le="300",${ORIGIN}}`]: "3",
      [`holdfast_backup_last_status{${ORIGIN}}`]: "0",
      [`holdfast_backup_last_phase{${ORIGIN},phase="PartiallyFailed"}`]: "1",
      [`holdfast_backup_items_total{${ORIGIN}}`]: "41",
      [`holdfast_backup_items_errors{${ORIGIN}}`]: "3",
      [`holdfast_backup_tarball_size_bytes{${ORIGIN}}`]: "700",
      [`holdfast_backup_last_successful_timestamp{${ORIGIN}}`]: String(Date.parse("2026-11-25T09:02:00Z") / 1000),
      [`holdfast_backup_in_progress{${ORIGIN}}`]: "1",
      [`holdfast_backup_expired{${ORIGIN}}`]: "0", // the newest good one is kept whatever its age
    });
    expect(Object.keys(found).filter((name) => name.startsWith("holdfast_backup_last_phase"))).toHaveLength(1);
  });

  it("count a backup that is being deleted as what it was", async () => {
    const succeeded = { type: "Succeeded", status: "True", reason: "Completed", message: "", lastTransitionTime: "" };
    const going = ended("a", 8, "Deleting", { conditions: [succeeded as never] });

    const found = await series([...countedSamples(going), ...backupGauges([going], NOW)]);

    expect(found).toMatchObject({ [`holdfast_backup_success_total{${ORIGIN}}`]: "1" });
    expect(Object.keys(found).filter((name) => name.startsWith("holdfast_backup_last_"))).toEqual([]);
  });

  it("count what is kept beyond its time and what can't be deleted", async () => {
    const expiration = "2026-11-25T11:00:00Z";
    const condition = { status: "True", message: "", lastTransitionTime: expiration };
    const blocked = { ...condition, type: "DeletionBlocked", reason: "ObjectLocked" };
    const invalid = { ...condition, type: "Stalled", reason: "FailedValidation" };
    const wanted = { annotations: { "holdfast.dev/delete-requested": "e" } };
    const backups = [
      ended("a", 8, "Completed"),
      ended("b", 7, "Completed", { expiration }),
      ended("c", 7, "Completed", { conditions: [blocked as never] }),
      backup("e", { phase: "FailedValidation", conditions: [invalid as never] }, wanted),
      { ...ended("d", 6, "Completed"), metadata: { name: "d", labels: { "holdfast.dev/gc-failure": "BSLNotFound" } } },
    ];

    const found = await series(backupGauges(backups as Backup[], NOW));

    expect(found).toMatchObject({
      [`holdfast_backup_expired{${ORIGIN}}`]: "1",
      [`holdfast_backup_deletion_failing{${ORIGIN}}`]: "2",
    });
  });
});

describe("metrics of a schedule", () => {
  const policy = (schedule: object, status: object): BackupPolicy => ({
    apiVersion: API_VERSION,
    kind: "BackupPolicy",
    metadata: { name: "all", namespace: "shop" },
    spec: { schedules: [{ name: "hourly", cron: "@hourly", ...schedule }] },
    status: { schedules: [{ name: "hourly", ...status }] },
  });
  const DUE = `holdfast_schedule_due_timestamp{${ORIGIN}}`;
  const at = (time: string): string => String(Date.parse(`2026-11-25T${time}:00Z`) / 1000);

  it.each([
    ["no slot has come", {}, { nextSlot: "2026-11-25T13:00:00Z" }, undefined],
    ["the last slot was run", {}, { lastSlot: "2026-11-25T11:00:00Z", nextSlot: "2026-11-25T13:00:00Z" }, at("11:00")],
    ["a slot is late", {}, { lastSlot: "2026-11-25T10:00:00Z", nextSlot: "2026-11-25T11:00:00Z" }, at("11:00")],
    [
      "a slot is within its jitter",
      { jitter: "90m" },
      { lastSlot: "2026-11-25T10:00:00Z", nextSlot: "2026-11-25T11:00:00Z" },
      at("10:00"),
    ],
    ["it is suspended", { suspend: true }, { lastSlot: "2026-11-25T10:00:00Z" }, undefined],
  ] as const)("due: %s", async (_name, schedule, status, expected) => {
    const found = await series(scheduleGauges(policy(schedule, status), new Set(), NOW));

    expect(found[DUE]).toBe(expected);
  });

  it("stand at their last success although the backups are gone, and begin at 0", async () => {
    const status = { lastPhase: "Failed", lastSuccessfulTime: "2026-11-24T11:00:00Z" };

    const found = await series(scheduleGauges(policy({}, status), new Set(), NOW));

    expect(found).toMatchObject({
      [`holdfast_backup_failure_total{${ORIGIN}}`]: "0",
      [`holdfast_backup_last_successful_timestamp{${ORIGIN}}`]: String(Date.parse("2026-11-24T11:00:00Z") / 1000),
      [`holdfast_backup_last_phase{${ORIGIN},phase="Failed"}`]: "1",
    });
  });
});
