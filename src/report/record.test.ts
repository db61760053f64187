import { describe, expect, it } from "vitest";
import type { Backup, BackupPolicy, RestorePlan } from "../api/kinds.generated.ts";
import { backupRecord, backupRecordText, mergeShard, monthOf, parseShard, shardText } from "./backup-record.ts";
import { indexText, mergeIndex, parseIndex } from "./index-file.ts";
import { policyRecordText } from "./policy-record.ts";
import { readmeText } from "./readme.ts";
import { archiveBranch, backupPath, shardPath } from "./record-paths.ts";
import {
  keyRecordText,
  parseKeyRecord,
  parseRestoreRecord,
  recordedEntry,
  restoreRecordText,
} from "./restore-record.ts";
import { parseSourceRecord, sourceRecordText } from "./source-record.ts";
import { staleSchedules } from "./staleness.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const location = { namespace: "holdfast", name: "main" };

const backup: Backup = {
  apiVersion: "holdfast.dev/v1alpha1",
  kind: "Backup",
  metadata: { name: "shop-hourly-20261120110000", namespace: "holdfast" },
  spec: {},
  status: {
    phase: "Completed",
    cluster: "prod",
    startTimestamp: "2026-11-20T11:00:02Z",
    completionTimestamp: "2026-11-20T11:00:09Z",
    expiration: "2026-11-21T12:00:02Z",
    progress: { totalItems: 40, itemsBackedUp: 40 },
    warnings: 1,
    errors: 0,
    manifestSha256: "ab".repeat(32),
    policy: {
      namespace: "holdfast",
      name: "shop",
      schedule: "hourly",
      slot: "2026-11-20T11:00:00Z",
      revision: "c0ffee",
    },
  },
};

const policy: BackupPolicy = {
  apiVersion: "holdfast.dev/v1alpha1",
  kind: "BackupPolicy",
  metadata: { name: "shop", namespace: "holdfast" },
  spec: { schedules: [{ name: "hourly", cron: "0 * * * *" }] },
  status: {
    observedGeneration: 4,
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "Accepted",
        message: "fine",
        lastTransitionTime: "2026-11-01T00:00:00Z",
        observedGeneration: 4,
      },
    ],
    schedules: [
      {
        name: "hourly",
        lastBackup: "shop-hourly-20261120110000",
        lastPhase: "Completed",
        lastSuccessfulTime: "2026-11-20T11:00:09Z",
        nextSlot: "2026-11-20T12:00:00Z",
      },
    ],
  },
};

function plan(name: string, message: string): RestorePlan {
  return {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "RestorePlan",
    metadata: { name, namespace: "holdfast" },
    spec: { source: { backupName: backup.metadata.name } },
    status: {
      phase: "Completed",
      run: { id: `${name}-20261120113000`, token: "secret-token", term: 0, key: "k" },
      backup: { name: backup.metadata.name },
      outcome: { created: 2, patched: 1, unchanged: 0 },
      progress: { totalItems: 3, itemsRestored: 3 },
      startTimestamp: "2026-11-20T11:30:00Z",
      completionTimestamp: "2026-11-20T11:30:04Z",
      conditions: [
        { type: "Ready", status: "True", reason: "Completed", message, lastTransitionTime: "2026-11-20T11:30:04Z" },
      ],
    },
  };
}

describe("the record of a backup", () => {
  const record = backupRecord(backup, "prod", location);

  it("stands in the month it began, with sorted keys and nothing that moves by itself", () => {
    if (record === undefined) throw new Error("no record");
    expect(backupPath(monthOf(record), record.name)).toBe(
      "backups/holdfast/main/2026/11/shop-hourly-20261120110000.yaml",
    );
    expect(backupRecordText(record)).toBe(`cluster: prod
completed: 2026-11-20T11:00:09Z
durationSeconds: 7
errors: 0
expires: 2026-11-21T12:00:02Z
items: 40
location:
  name: main
  namespace: holdfast
manifestSha256: ${"ab".repeat(32)}
name: shop-hourly-20261120110000
namespace: holdfast
phase: Completed
policy:
  name: shop
  namespace: holdfast
  revision: c0ffee
  schedule: hourly
  slot: 2026-11-20T11:00:00Z
started: 2026-11-20T11:00:02Z
warnings: 1
`);
  });

  it("is not there while the backup runs", () => {
    expect(backupRecord({ ...backup, status: { phase: "InProgress" } }, "prod", location)).toBeUndefined();
  });

  it("changes one line of its month, and leaves the others as they stand at the head", () => {
    if (record === undefined) throw new Error("no record");
    const head = shardText(
      monthOf(record),
      mergeShard({}, [
        { ...record, name: "a" },
        { ...record, name: "z" },
      ]),
    );

    const after = shardText(monthOf(record), mergeShard(parseShard(Buffer.from(head)), [{ ...record, name: "m" }]));

    const added = after.split("\n").filter((line) => !head.split("\n").includes(line));
    expect(added).toHaveLength(1);
    expect(Object.keys(parseShard(Buffer.from(after)))).toEqual(["a", "m", "z"]);
  });

  it("counts into the index, whose other months stay, and a person's edit of a month counts as empty", () => {
    if (record === undefined) throw new Error("no record");
    const path = shardPath(monthOf(record));
    const changes = { months: new Map([[path, mergeShard({}, [record])]]), records: [record], sources: {} };
    const other = { backups: 3, completed: 2, partiallyFailed: 0, failed: 1, gone: 0 };
    const before = {
      ...mergeIndex("prod", undefined, { ...changes, months: new Map(), records: [] }),
      months: { other },
    };

    const index = mergeIndex("prod", before, changes);

    expect(index.totals).toEqual({ backups: 4, completed: 3, partiallyFailed: 0, failed: 1, gone: 0 });
    expect(index.newest).toEqual({
      "holdfast/shop": {
        hourly: { backup: record.name, location: "holdfast/main", completed: "2026-11-20T11:00:09Z" },
      },
    });
    expect(parseIndex(Buffer.from(indexText(index)))).toEqual(index);
    expect([parseShard(Buffer.from("{ hand made")), parseIndex(Buffer.from("[]"))]).toEqual([{}, undefined]);
  });
});

describe("the index and archived years", () => {
  const path = "backups/holdfast/main/2023/04/index.json";
  const gone = { phase: "Completed", gone: true } as const;
  const before = mergeIndex("prod", undefined, {
    months: new Map([[path, { a: gone, b: { phase: "Failed" } }]]),
    records: [],
    sources: {},
  });
  const year = {
    branch: "holdfast-archive/prod/2023",
    backups: 0,
    completed: 1,
    partiallyFailed: 0,
    failed: 0,
    gone: 1,
  };
  const changes = { months: new Map([[path, { b: { phase: "Failed" } }]]), records: [], sources: {} };
  const index = mergeIndex("prod", before, { ...changes, archived: { 2023: year } });

  it("has the same totals before and after a move, and names the branch from then on", () => {
    const later = mergeIndex("prod", index, { ...changes, months: new Map([[path, {}]]) });

    expect(index.totals).toEqual(before.totals);
    expect(index.months[path]?.backups).toBe(1);
    expect([later.months, later.archived]).toEqual([{}, { 2023: year }]);
    expect(later.totals).toMatchObject({ backups: 0, gone: 1 });
  });

  it("says nothing of archives while there is none", () => {
    expect(indexText(before)).not.toContain("archived");
  });

  it("is told to people by the README", () => {
    const page = readmeText({ cluster: "prod", policies: [], restores: [], index, nowMs: NOW });

    expect(page).toContain("Older records of what exists no more: `holdfast-archive/prod/2023`.");
  });

  it.each([
    ["holdfast/prod", "holdfast-archive/prod/2023"],
    ["record", "record-archive/2023"],
    ["refs/heads/status/eu/prod", "status-archive/eu/prod/2023"],
  ])("derives the branch from that of the record: %s", (branch, archive) => {
    expect(archiveBranch(branch, 2023)).toBe(archive);
  });
});

describe("the other files", () => {
  it("say how a policy stands without its generation", () => {
    const text = policyRecordText(policy, "c0ffee");

    expect(text).toContain("revision: c0ffee");
    expect(text).toContain("cron: 0 * * * *");
    expect(text).not.toContain("observedGeneration");
  });

  it("tell how a restore ended to those who read them again", () => {
    const read = parseRestoreRecord(Buffer.from(restoreRecordText(plan("undo", "done"), undefined)));

    expect(read).toMatchObject({ phase: "Completed", namespace: "holdfast", backup: { name: backup.metadata.name } });
    expect([parseRestoreRecord(Buffer.from("a: [")), parseRestoreRecord(Buffer.from("phase: 1"))]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("hold no token and no progress of a restore", () => {
    const text = restoreRecordText(plan("undo", "done"), undefined);

    expect(text).not.toMatch(/secret-token|progress|totalItems/);
    expect(text).toContain("created: 2");
  });

  it("hold digests in place of values", () => {
    const entry = {
      resource: "secrets",
      apiVersion: "v1",
      kind: "Secret",
      namespace: "a",
      name: "b",
      action: "patch",
    } as const;
    const changes = [{ op: "replace", path: "/data/password", before: "b2xk", after: "bmV3" }] as const;

    const recorded = JSON.stringify(recordedEntry({ ...entry, changes }));

    expect(recorded).toMatch(/"before":"sha256:[0-9a-f]{12}"/);
    expect(recorded).not.toMatch(/b2xk|bmV3/);
  });

  it("are read as they were written", () => {
    const key = {
      key: "k",
      run: "r",
      cluster: "prod",
      clusterUid: "u",
      namespace: "n",
      name: "m",
      term: 1,
      claimedAt: "t",
    };
    const declared = {
      "BackupPolicy holdfast/shop": { spec: "ab", labels: ["team"] },
      "Backup holdfast/x": { spec: "cd" },
    };

    expect(parseKeyRecord(Buffer.from(keyRecordText(key)))).toEqual(key);
    expect(parseSourceRecord(Buffer.from(sourceRecordText("holdfast/main", declared)))).toEqual(declared);
    expect([parseKeyRecord(Buffer.from("null")), parseSourceRecord(Buffer.from("{}"))]).toEqual([undefined, undefined]);
  });
});

describe("the README", () => {
  const index = mergeIndex("prod", undefined, { months: new Map(), records: [], sources: {} });
  const page = (nowMs: number, message = "done"): string =>
    readmeText({ cluster: "prod", policies: [policy], restores: [plan("undo", message)], index, nowMs });

  it("is the same page until something changes", () => {
    expect(page(NOW)).toBe(page(NOW + 5 * 60_000));
    expect(page(NOW)).toContain("**Nothing is stale.**");
    expect(page(NOW)).toContain("| [undo-20261120113000](restores/holdfast/undo/undo-20261120113000/status.yaml) |");
  });

  it("says what is overdue", () => {
    expect(page(NOW + 16 * 60_000)).toContain("the run of 2026-11-20T12:00:00Z is overdue");
  });

  it("lets no message act as markup", () => {
    const bad = {
      ...policy,
      status: {
        ...policy.status,
        conditions: [
          {
            type: "Ready",
            status: "False",
            reason: "Failed",
            message: "<img src=x> | [a](b)\n# c",
            lastTransitionTime: "",
          },
        ],
      },
    } as BackupPolicy;

    const text = readmeText({ cluster: "prod", policies: [bad], restores: [], index, nowMs: NOW });

    expect(text).toContain("\\<img src=x\\> \\| \\[a\\](b) # c");
  });
});

describe("staleness", () => {
  const stale = (schedule: object, nowMs = NOW): number =>
    staleSchedules(
      [
        {
          ...policy,
          status: { schedules: [{ name: "hourly", nextSlot: "2026-11-20T12:00:00Z", ...schedule }] },
        } as BackupPolicy,
      ],
      nowMs,
    ).length;

  it.each([
    ["waits for its slot", {}, NOW, 0],
    ["is within the margin", {}, NOW + 14 * 60_000, 0],
    ["is overdue", {}, NOW + 16 * 60_000, 1],
    ["is suspended", { suspended: true }, NOW + 16 * 60_000, 0],
    ["failed last", { lastPhase: "Failed" }, NOW, 1],
    ["runs", { lastPhase: "InProgress" }, NOW, 0],
  ])("a schedule that %s", (_name, schedule, nowMs, count) => {
    expect(stale(schedule, nowMs)).toBe(count);
  });
});
