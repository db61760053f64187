/**
 * The real promtool loads the alerts, and each one fires on what our registry says of real objects, and is silent else.
 * It evaluates every expression of the dashboard on the same series.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { API_VERSION } from "../../src/api/kinds.ts";
import type { KubeObject } from "../../src/api/object.ts";
import type { Clock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { createGitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects } from "../../src/reconcile/live-objects.ts";
import { createMetricsReader } from "../../src/reconcile/metrics.ts";
import { createRuns } from "../../src/reconcile/runs.ts";
import { createSources } from "../../src/reconcile/sources.ts";
import { renderMetrics } from "../../src/report/metrics.ts";
import { readAlerts, readRuleFile } from "../support/alerts.ts";

const run = promisify(execFile);

/** promtool's time begins at 0, so that the objects of a case live in the first hours of 1970. */
const time = (hour: number): string => new Date(hour * 3_600_000).toISOString().replace(".000Z", "Z");

function object(kind: string, name: string, parts: object): KubeObject {
  return { apiVersion: API_VERSION, kind, metadata: { name, namespace: "shop", resourceVersion: "1" }, ...parts };
}

function backup(phase: string, more: { readonly metadata?: object; readonly status?: object } = {}): KubeObject {
  const times = { startTimestamp: time(1), completionTimestamp: time(1.1) };
  const policy = { namespace: "shop", name: "all", schedule: "daily" };
  const made = object("Backup", `all-daily-${phase}-${JSON.stringify(more).length}`, {
    spec: {},
    status: { phase, cluster: "main", policy, ...times, ...more.status },
  });
  return { ...made, metadata: { ...made.metadata, ...more.metadata } };
}

function policy(status: object): KubeObject {
  return object("BackupPolicy", "all", {
    spec: { schedules: [{ name: "daily", cron: "0 2 * * *" }] },
    status: { schedules: [{ name: "daily", ...status }] },
  });
}

function restore(phase: string): KubeObject {
  const status = { phase, startTimestamp: time(3), completionTimestamp: time(3.5) };
  return object("RestorePlan", "back", { spec: { source: { backupName: "b" } }, status });
}

function location(phase: string): KubeObject {
  return object("BackupStorageLocation", "main", { spec: { provider: "s3" }, status: { phase } });
}

function stalled(status: string): KubeObject {
  const condition = { type: "Stalled", status, reason: "HistoryRewritten", message: "", lastTransitionTime: time(0) };
  return object("GitSource", "ops", {
    spec: { url: "https://git.example.com/ops.git" },
    status: { conditions: [condition] },
  });
}

/** What stands in the cluster and in Git while the alert should fire, or should not. */
interface World {
  readonly objects?: readonly KubeObject[];
  /** Those of them that go. */
  readonly going?: readonly KubeObject[];
  /** Seconds since when a record has not been written. */
  readonly recordAgeSeconds?: number;
  /** When the branch was last read, in hours. */
  readonly fetchedAt?: number;
  readonly isLeading?: boolean;
}

interface Case {
  readonly alert: string;
  readonly what?: string;
  readonly firing: World;
  readonly quiet: World;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
}

const ORIGIN = { namespace: "shop", policy: "all", schedule: "daily" };
const WANTED = { annotations: { "holdfast.dev/delete-requested": "gone" }, name: "gone" };
const BLOCKED = {
  type: "DeletionBlocked",
  status: "True",
  reason: "ObjectLocked",
  message: "",
  lastTransitionTime: time(0),
};

const CASES: readonly Case[] = [
  {
    alert: "HoldfastBackupFailed",
    firing: { objects: [backup("Failed")] },
    quiet: { objects: [backup("Failed"), backup("Completed", { status: { startTimestamp: time(2) } })] },
    labels: { ...ORIGIN, phase: "Failed" },
    summary: "The newest backup of shop/all daily is Failed.",
  },
  {
    alert: "HoldfastBackupPartiallyFailed",
    firing: { objects: [backup("PartiallyFailed")] },
    quiet: { objects: [backup("Failed")] },
    labels: ORIGIN,
    summary: "The newest backup of shop/all daily lacks something.",
  },
  {
    alert: "HoldfastBackupMissing",
    firing: { objects: [policy({ lastSlot: time(2), lastSuccessfulTime: time(1.9) })] },
    quiet: { objects: [policy({ lastSlot: time(2), lastSuccessfulTime: time(2.1) })] },
    labels: ORIGIN,
    summary: "shop/all daily has no good backup since its slot of 1970-01-01 02:00:00 +0000 UTC.",
  },
  {
    alert: "HoldfastBackupMissing",
    what: "where none was ever made",
    firing: { objects: [policy({ lastSlot: time(2) })] },
    quiet: { objects: [policy({ nextSlot: time(26) })] },
    labels: ORIGIN,
    summary: "shop/all daily has no good backup since its slot of 1970-01-01 02:00:00 +0000 UTC.",
  },
  {
    alert: "HoldfastRestoreFailed",
    firing: { objects: [restore("Failed")] },
    quiet: { objects: [restore("PartiallyFailed")] },
    labels: { namespace: "shop", restore: "back", phase: "Failed" },
    summary: "The restore shop/back is Failed.",
  },
  {
    alert: "HoldfastRestorePartiallyFailed",
    firing: { objects: [restore("PartiallyFailed")] },
    quiet: { objects: [restore("Completed")] },
    labels: { namespace: "shop", restore: "back" },
    summary: "The restore shop/back left something out.",
  },
  {
    alert: "HoldfastLocationUnavailable",
    firing: { objects: [location("Unavailable")] },
    quiet: { objects: [location("Available")] },
    labels: { namespace: "shop", backup_location_name: "main" },
    summary: "The location shop/main can't be reached.",
  },
  {
    alert: "HoldfastDeletionFailing",
    firing: { objects: [backup("Completed", { metadata: WANTED, status: { conditions: [BLOCKED] } })] },
    quiet: { objects: [backup("Completed", { metadata: WANTED })] },
    labels: ORIGIN,
    summary: "1 backups of shop/all daily are to be deleted and can't be.",
  },
  {
    alert: "HoldfastTooManyBackups",
    firing: { objects: [backup("Completed"), backup("Failed", { status: { expiration: time(2) } })] },
    quiet: { objects: [backup("Completed", { status: { expiration: time(2) } })] },
    labels: ORIGIN,
    summary: "1 backups of shop/all daily are kept beyond their time.",
  },
  {
    alert: "HoldfastRecordLagging",
    firing: { recordAgeSeconds: 1200 },
    quiet: { recordAgeSeconds: 60 },
    summary: "What happened in the last 20m 0s is not on the status branch.",
  },
  {
    alert: "HoldfastGitNotRead",
    firing: { fetchedAt: 3 },
    quiet: { fetchedAt: 3.9 },
    labels: { source: "shop/ops" },
    summary: "The branch of shop/ops was last read 1h 0m 0s ago.",
  },
  {
    alert: "HoldfastStalled",
    firing: { objects: [stalled("True")] },
    quiet: { objects: [stalled("False")] },
    labels: { kind: "GitSource", namespace: "shop", name: "ops", reason: "HistoryRewritten" },
    summary: "GitSource shop/ops waits for a person: HistoryRewritten.",
  },
  {
    alert: "HoldfastNoLeader",
    firing: { isLeading: false },
    quiet: {},
    summary: "No Holdfast works: nothing is backed up, and no alert but this one can fire.",
  },
];

/** What `/metrics` says of a world, line by line, as promtool's input. */
async function seriesOf(world: World): Promise<{ series: string; values: string }[]> {
  let monotonicMs = 0;
  const clock: Clock = { now: () => 4 * 3_600_000, monotonic: () => monotonicMs, sleep: async () => {} };
  const installation = { cluster: "main", clusterUid: "u", namespace: "holdfast", term: 1 };
  const live = createLiveObjects(installation.namespace);
  const flagged = object("GitSource", "ops", { spec: { url: "https://git.example.com/ops.git" } });
  const isTold = world.recordAgeSeconds !== undefined;
  const sources = createSources({
    flagged: isTold ? (flagged as never) : undefined,
    hasObjects: () => false,
    onRecord: () => {},
  });
  const record = createGitRecord({ live, sources, clock, installation });
  const runs = createRuns({ slots: 1, clock, log: silentLogger, onEnd: () => {} });
  const nothing = (): number => 0;
  const reader = createMetricsReader({
    ...{ live, sources, record, runs, clock, cluster: installation.cluster },
    ...{ depth: nothing, failures: nothing, recordFailures: nothing },
  });
  live.subscribe(reader.onChange);
  reader.setRecorded({ samples: [], ids: new Set() });
  for (const each of world.objects ?? []) live.put(each);
  for (const each of world.going ?? []) live.remove(each);
  if (isTold) record.addFiles(new Map([["backups/shop/main/1970/01/b.yaml", ""]]));
  monotonicMs = (world.recordAgeSeconds ?? 0) * 1000;
  if (world.fetchedAt !== undefined)
    sources.noteFetched({ namespace: "shop", name: "ops" }, world.fetchedAt * 3_600_000);
  const leader = { name: "holdfast_leader", labels: {}, value: world.isLeading === false ? 0 : 1 } as const;
  const { text } = await renderMetrics([...reader.samples(), leader]);
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/ (?=\S+$)/))
    .map(([series = "", value]) => ({ series, values: `${value}+0x300` }));
}

/** Runs `promtool test rules` and tells what it says, whether it succeeds or not. */
async function promtool(file: string): Promise<string> {
  const { stdout, stderr } = await run("promtool", ["test", "rules", file]).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return `${stdout}${stderr}`;
}

describe("the alerts, by promtool", () => {
  const alerts = readAlerts();
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-alerts-"));
    await writeFile(join(folder, "rules.yaml"), stringify(readRuleFile()));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("are rules that Prometheus loads", async () => {
    const { stdout } = await run("promtool", ["check", "rules", join(folder, "rules.yaml")]);

    expect(stdout).toContain(`SUCCESS: ${alerts.length} rules found`);
  });

  it("each have a case here", () => {
    expect(alerts.map(({ alert }) => alert)).toEqual([...new Set(CASES.map(({ alert }) => alert))]);
  });

  it.each(CASES.map((each) => ({ what: "", ...each })))("$alert fires $what", async (each) => {
    const { alert, firing, quiet, labels, summary } = each;
    const rule = alerts.find((each) => each.alert === alert);
    const fired = {
      exp_labels: { ...labels, ...rule?.labels },
      exp_annotations: { summary, runbook: rule?.annotations.runbook },
    };
    const test = async (world: World, expected: readonly object[]): Promise<object> => ({
      interval: "1m",
      input_series: await seriesOf(world),
      alert_rule_test: [{ eval_time: "4h", alertname: alert, exp_alerts: expected }],
    });
    const file = join(folder, "test.yaml");
    const tests = [await test(firing, [fired]), await test(quiet, [])];
    await writeFile(file, stringify({ rule_files: ["rules.yaml"], evaluation_interval: "1m", tests }));

    const said = await promtool(file);

    expect(said).toContain("SUCCESS");
    expect(said).not.toContain("FAILED");
  });
});

describe("the dashboard, by promtool", () => {
  interface Panel {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat?: string }[];
  }
  const path = new URL("../../manifests/monitoring/dashboard.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(path, "utf8")) as { readonly panels: readonly Panel[] };
  const targets = panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));
  const going = backup("Deleting", { metadata: { ...WANTED, name: "going" }, status: { conditions: [BLOCKED] } });
  const ended = (["Completed", "PartiallyFailed", "Failed"] as const).map((phase) => {
    const each = restore(phase);
    return { ...each, metadata: { ...each.metadata, name: `back-${phase.toLowerCase()}` } };
  });
  /** A cluster in which everything has happened that a panel tells of. */
  const world: World = {
    objects: [
      ...["PartiallyFailed", "FailedValidation"].map((phase) => backup(phase)),
      backup("Completed", { status: { archiveSizeBytes: 4096 } }),
      backup("Failed", { status: { expiration: time(2) } }),
      policy({ lastSlot: time(2), lastSuccessfulTime: time(1.9) }),
      ...[going, location("Unavailable"), stalled("True"), ...ended],
    ],
    going: [going],
    recordAgeSeconds: 1200,
    fetchedAt: 3,
  };
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-dashboard-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(targets)("$title shows something: $expr", async ({ expr }) => {
    const asked = expr.replaceAll(/\$(?:namespace|policy)\b/g, ".*"); // what Grafana puts there for All
    const test = {
      interval: "1m",
      input_series: await seriesOf(world),
      promql_expr_test: [
        { expr: `count(${asked}) > bool 0`, eval_time: "4h", exp_samples: [{ labels: "{}", value: 1 }] },
      ],
    };
    const file = join(folder, "test.yaml");
    await writeFile(file, stringify({ evaluation_interval: "1m", tests: [test] }));

    const said = await promtool(file);

    expect(asked).not.toContain("$");
    expect(said).toContain("SUCCESS");
    expect(said).not.toContain("FAILED");
  });
});
