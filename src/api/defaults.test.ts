import { describe, expect, it } from "vitest";
import { gitSourceDefaults, locationDefaults, policyDefaults, restoreDefaults } from "./defaults.ts";

describe("defaults", () => {
  it("of a policy and its schedules", () => {
    expect(policyDefaults({ schedules: [{ name: "a", cron: "@daily" }] })).toEqual({
      template: {},
      suspend: false,
      catchUp: true,
      schedules: [
        {
          name: "a",
          cron: "@daily",
          timeZone: "UTC",
          ttl: "720h0m0s",
          firstRun: "Slot",
          jitter: "0s",
          overlap: "Forbid",
          suspend: false,
        },
      ],
    });
  });

  it("of a schedule's ttl come from the schedule, the template, and then the product", () => {
    const { schedules } = policyDefaults({
      template: { ttl: "48h" },
      schedules: [
        { name: "a", cron: "@daily", ttl: "0s" },
        { name: "b", cron: "@daily" },
      ],
    });

    expect(schedules.map(({ ttl }) => ttl)).toEqual(["0s", "48h"]);
  });

  it("suspend every schedule of a suspended policy", () => {
    expect(
      policyDefaults({ suspend: true, schedules: [{ name: "a", cron: "@daily", suspend: false }] }).schedules[0]
        ?.suspend,
    ).toBe(true);
  });

  it("of a location, intervals in ms", () => {
    expect(locationDefaults({ provider: "filesystem", filesystem: { path: "/b" }, syncPeriod: "0s" })).toMatchObject({
      accessMode: "ReadWrite",
      default: false,
      validationFrequencyMs: 60_000,
      syncPeriodMs: 0,
    });
  });

  it("of a source, for its cluster", () => {
    expect(gitSourceDefaults({ url: "https://a.b/c", interval: "90s" }, "prod")).toMatchObject({
      branch: "main",
      path: "",
      intervalMs: 90_000,
      mode: "Apply",
      prune: false,
      suspend: false,
      statusBranch: "holdfast/prod",
    });
  });

  it("of a restore", () => {
    expect(restoreDefaults({ source: { backupName: "b" }, safetyBackup: { storageLocation: "x" } })).toEqual({
      source: { backupName: "b" },
      existingResourcePolicy: "none",
      approval: { mode: "Merge" },
      safetyBackup: { mode: "On", storageLocation: "x" },
      gitOpsOwners: "Pause",
      preserveNodePorts: false,
    });
  });

  it("write nothing into what was given", () => {
    const spec = Object.freeze({ schedules: Object.freeze([Object.freeze({ name: "a", cron: "@daily" })]) });

    expect(() => policyDefaults(spec as never)).not.toThrow();
    expect(spec).toEqual({ schedules: [{ name: "a", cron: "@daily" }] });
  });
});
