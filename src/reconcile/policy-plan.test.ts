import { describe, expect, it } from "vitest";
import type {
  Backup,
  BackupPolicy,
  BackupPolicySpec,
  BackupPolicyStatus,
  BackupStatus,
} from "../api/kinds.generated.ts";
import { type PolicyPlanInput, planPolicy } from "./policy-plan.ts";

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);

function policyOf(spec: Partial<BackupPolicySpec>, status?: BackupPolicyStatus): BackupPolicy {
  return {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupPolicy",
    metadata: { name: "shop", namespace: "holdfast", creationTimestamp: "2026-11-20T08:30:00Z" },
    spec: { schedules: [{ name: "hourly", cron: "0 * * * *", ttl: "25h" }], ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

function backupOf(slot: string, status: BackupStatus, suffix = ""): Backup {
  return {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name: `shop-hourly-20261120${slot}${suffix}`, namespace: "holdfast" },
    spec: {},
    status,
  };
}

const interrupted: BackupStatus = {
  phase: "Failed",
  conditions: [
    {
      type: "Succeeded",
      status: "False",
      reason: "Interrupted",
      message: "",
      lastTransitionTime: "2026-11-20T09:00:00Z",
    },
  ],
};

function planAt(time: string, more: Partial<PolicyPlanInput> = {}): ReturnType<typeof planPolicy> {
  const given = { policy: policyOf({}), backups: [], cluster: "prod", ownNamespace: "holdfast", mayRun: true };
  return planPolicy({ ...given, nowMs: at(time), ...more });
}

function names(plan: ReturnType<typeof planPolicy>): string[] {
  return plan.creates.map(({ name }) => name);
}

describe("a policy's backups", () => {
  it("asks for the slot that has come, by its name, and says when the next one does", () => {
    const plan = planAt("09:00:30");

    expect(plan.creates).toEqual([{ name: "shop-hourly-20261120090000", schedule: "hourly", ttl: "25h" }]);
    expect(plan.status.schedules).toMatchObject([
      { lastSlot: "2026-11-20T09:00:00Z", nextSlot: "2026-11-20T10:00:00Z" },
    ]);
    expect(plan.lookAtMs).toBe(at("10:00:00"));
  });

  it("asks once for several missed slots: for the newest", () => {
    expect(names(planAt("12:10:00"))).toEqual(["shop-hourly-20261120120000"]);
  });

  const nothing: [name: string, time: string, more: Partial<PolicyPlanInput>][] = [
    ["before the first slot", "08:59:00", {}],
    ["again for a slot whose Backup is there", "09:00:30", { backups: [backupOf("090000", { phase: "Completed" })] }],
    ["while a run of the schedule goes on", "10:00:30", { backups: [backupOf("090000", { phase: "InProgress" })] }],
    ["while the policy is suspended", "09:00:30", { policy: policyOf({ suspend: true }) }],
    ["while no location can take it", "09:00:30", { mayRun: false }],
    [
      "for a slot that its status remembers",
      "09:10:00",
      { policy: policyOf({}, { schedules: [{ name: "hourly", lastSlot: "2026-11-20T09:00:00Z" }] }) },
    ],
    [
      "for slots that passed while it was suspended",
      "11:10:00",
      { policy: policyOf({}, { schedules: [{ name: "hourly", suspended: true }] }) },
    ],
    [
      "for slots before an older policy got the schedule",
      "11:10:00",
      { policy: policyOf({}, { schedules: [{ name: "daily" }] }) },
    ],
    [
      "for another cluster's backup that was interrupted",
      "09:10:00",
      {
        backups: [backupOf("090000", { ...interrupted, cluster: "dev" })],
        policy: policyOf({}, { schedules: [{ name: "hourly", lastSlot: "2026-11-20T09:00:00Z" }] }),
      },
    ],
  ];
  it.each(nothing)("does not ask %s", (_name, time, more) => {
    expect(names(planAt(time, more))).toEqual([]);
  });

  it("runs a waiting slot when the run before has ended", () => {
    const plan = planAt("10:20:00", { backups: [backupOf("090000", { phase: "Completed" })] });

    expect(names(plan)).toEqual(["shop-hourly-20261120100000"]);
  });

  it("takes the next slot beside a run that goes on, where overlap is allowed", () => {
    const policy = policyOf({ schedules: [{ name: "hourly", cron: "0 * * * *", overlap: "Allow" }] });
    const backups = [backupOf("090000", { phase: "InProgress" })];

    expect(names(planAt("10:00:30", { policy, backups }))).toEqual(["shop-hourly-20261120100000"]);
  });

  it("gives missed slots up without catchUp, and counts them as done", () => {
    const plan = planAt("12:10:00", { policy: policyOf({ catchUp: false }) });

    expect(names(plan)).toEqual([]);
    expect(plan.status.schedules).toMatchObject([
      { lastSlot: "2026-11-20T12:00:00Z", nextSlot: "2026-11-20T13:00:00Z" },
    ]);
  });

  it("keeps the schedules of one policy apart: each its own slots and ttl, and one that is suspended rests alone", () => {
    const schedules = [
      { name: "hourly", cron: "@every 1h", ttl: "25h" },
      { name: "daily", cron: "@daily", ttl: "730h", suspend: true },
      { name: "monthly", cron: "@monthly", ttl: "8760h" },
      { name: "yearly", cron: "@yearly", ttl: "0s" },
    ];

    const plan = planAt("00:00:00", { policy: policyOf({ schedules }), nowMs: Date.parse("2027-01-01T00:00:05Z") });

    expect(plan.creates.map(({ name, ttl }) => `${name} ${ttl}`)).toEqual([
      "shop-hourly-20261231233000 25h",
      "shop-monthly-20270101000000 8760h",
      "shop-yearly-20270101000000 0s",
    ]);
  });

  it("puts a run off by the schedule's jitter, and names it by its slot all the same", () => {
    const policy = policyOf({ schedules: [{ name: "hourly", cron: "0 * * * *", jitter: "30m" }] });

    const lookAtMs = planAt("08:59:00", { policy }).lookAtMs ?? 0;

    expect(lookAtMs).toBeGreaterThan(at("09:00:00"));
    expect(names(planAt("", { policy, nowMs: lookAtMs - 1 }))).toEqual([]);
    expect(names(planAt("", { policy, nowMs: lookAtMs }))).toEqual(["shop-hourly-20261120090000"]);
  });

  it("makes an interrupted slot up once", () => {
    const first = backupOf("090000", interrupted);
    const again = backupOf("090000", interrupted, "-r1");

    expect(names(planAt("09:10:00", { backups: [first] }))).toEqual(["shop-hourly-20261120090000-r1"]);
    expect(names(planAt("09:10:00", { backups: [first, again] }))).toEqual([]);
  });

  it("remembers the last run and the last good one when their Backups are gone", () => {
    const before = {
      name: "hourly",
      lastSlot: "2026-11-20T09:00:00Z",
      lastBackup: "b",
      lastPhase: "Failed",
      lastSuccessfulBackup: "a",
    };

    const plan = planAt("09:10:00", { policy: policyOf({}, { schedules: [before] }) });

    expect(plan.status.schedules).toMatchObject([{ lastBackup: "b", lastPhase: "Failed", lastSuccessfulBackup: "a" }]);
    expect(plan.failing).toEqual(["hourly"]);
  });

  it("says what is wrong with a line", () => {
    expect(
      planAt("09:00:30", { policy: policyOf({ schedules: [{ name: "bad", cron: "61 * * * *" }] }) }).problems,
    ).toHaveLength(1);
  });
});
