import { describe, expect, it } from "vitest";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { METRICS, type MetricDefinition, type Sample } from "../report/metrics-table.ts";
import { createGitRecord } from "./git-record.ts";
import { createLiveObjects, type LiveObjects } from "./live-objects.ts";
import { createMetricsReader, type MetricsReader } from "./metrics.ts";
import { createRuns } from "./runs.ts";
import { createSources } from "./sources.ts";

const clock: Clock = { now: () => Date.parse("2026-11-26T12:00:00Z"), monotonic: () => 0, sleep: async () => {} };

function backup(name: string, phase: string, day: number): KubeObject {
  const startTimestamp = `2026-11-${day}T02:00:00Z`;
  const completionTimestamp = `2026-11-${day}T02:05:00Z`;
  const policy = { namespace: "shop", name: "all", schedule: "daily" };
  const status = { phase, cluster: "main", policy, startTimestamp, completionTimestamp };
  return {
    apiVersion: API_VERSION,
    kind: "Backup",
    metadata: { name, namespace: "shop", resourceVersion: "1" },
    spec: {},
    status,
  };
}

/** What a process reads off the objects, from when it lists them. */
function readerOf(live: LiveObjects, hasRecord = false): MetricsReader {
  const sources = createSources({ flagged: undefined, hasObjects: () => hasRecord, onRecord: () => {} });
  const installation = { cluster: "main", clusterUid: "uid", namespace: "holdfast", term: 1 };
  const record = createGitRecord({ live, sources, clock, installation });
  const runs = createRuns({ slots: 1, clock, log: silentLogger, onEnd: () => {} });
  const parts = { live, sources, runs, record, clock, cluster: "main" };
  const reader = createMetricsReader({ ...parts, depth: () => 0, failures: () => 0, recordFailures: () => 0 });
  live.subscribe(reader.onChange);
  return reader;
}

function ofType(samples: readonly Sample[], type: MetricDefinition["type"]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, value } of samples) if (METRICS[name].type === type) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

describe("metrics after a restart, without a record", () => {
  it("are what they were; a counter lacks what deleted objects had added, and no gauge does", () => {
    const live = createLiveObjects("holdfast");
    const first = readerOf(live);
    for (const object of [backup("a", "Failed", 20), backup("b", "Completed", 24), backup("c", "Completed", 25)])
      live.put(object);
    const whole = first.samples();
    live.remove(backup("a", "Failed", 20));
    const before = first.samples();

    const after = readerOf(live).samples();

    expect(ofType(before, "counter")).toEqual(ofType(whole, "counter"));
    expect(ofType(before, "counter")).toMatchObject({
      holdfast_backup_attempt_total: 3,
      holdfast_backup_failure_total: 1,
      holdfast_backup_success_total: 2,
    });
    expect(ofType(after, "counter")).toMatchObject({
      holdfast_backup_attempt_total: 2,
      holdfast_backup_success_total: 2,
    });
    expect(ofType(after, "counter")).not.toHaveProperty("holdfast_backup_failure_total");
    expect(ofType(after, "gauge")).toEqual(ofType(before, "gauge"));
  });
});

describe("counters with a record", () => {
  const labels = { namespace: "shop", policy: "all", schedule: "daily" };
  const success = { name: "holdfast_backup_success_total", labels, value: 1 } as const;
  const successes = (reader: MetricsReader): number | undefined =>
    ofType(reader.samples(), "counter").holdfast_backup_success_total;
  const recorded = (reader: MetricsReader, ...names: readonly string[]): void =>
    reader.setRecorded({
      samples: names.map(() => success),
      ids: new Set(names.map((name) => `${name} 2026-11-24T02:05:00Z`)),
    });

  it("are not served before it was read, while gauges are", () => {
    const live = createLiveObjects("holdfast");
    const reader = readerOf(live, true);
    live.put(backup("b", "Completed", 24));

    const before = reader.samples();
    recorded(reader, "gone");

    expect([ofType(before, "counter"), ofType(before, "histogram")]).toEqual([
      { holdfast_reconcile_failures_total: 0 },
      {},
    ]);
    expect(ofType(before, "gauge")).toMatchObject({ holdfast_backup_total: 1, holdfast_backup_last_status: 1 });
    expect(successes(reader)).toBe(2);
  });

  it("count what the record has once, when it is in the cluster again and when it goes", () => {
    const live = createLiveObjects("holdfast");
    const reader = readerOf(live, true);
    recorded(reader, "back");

    live.put(backup("back", "Completed", 24));
    const back = successes(reader);
    live.remove(backup("back", "Completed", 24));
    const gone = successes(reader);
    live.put(backup("back", "Completed", 25)); // another one of its name

    expect([back, gone, successes(reader)]).toEqual([1, 1, 2]);
  });

  it("know what this process has counted by itself, whether it is still there or not", () => {
    const live = createLiveObjects("holdfast");
    const reader = readerOf(live, true);
    for (const name of ["here", "gone"]) live.put(backup(name, "Completed", 24));
    live.put(backup("running", "InProgress", 24));
    live.remove(backup("gone", "Completed", 24));

    expect([...reader.known()].sort()).toEqual(["gone 2026-11-24T02:05:00Z", "here 2026-11-24T02:05:00Z"]);
  });

  it("count every run of a restore that runs again, by whose backup it is made from although that is gone", () => {
    const live = createLiveObjects("holdfast");
    const reader = readerOf(live, true);
    recorded(reader);
    const restore = (run: string, phase: string, resourceVersion: string): KubeObject => ({
      apiVersion: API_VERSION,
      kind: "RestorePlan",
      metadata: { name: "back", namespace: "shop", resourceVersion },
      spec: { source: { backupName: "gone" } },
      status: {
        phase,
        run: { id: run, token: "t", term: 1, key: run },
        backup: { name: "gone", policy: "all", schedule: "daily" },
        startTimestamp: "2026-11-24T03:00:00Z",
      },
    });

    live.put(restore("back-20261124030000", "Completed", "2"));
    live.put(restore("back-20261125030000", "PartiallyFailed", "3"));

    const counted = reader
      .samples()
      .filter(({ name, value }) => /restore_(?:\w+_)?(?:success|failure|attempt)/.test(name) && value > 0);
    expect(counted.map(({ name }) => name).sort()).toEqual([
      "holdfast_restore_attempt_total",
      "holdfast_restore_attempt_total",
      "holdfast_restore_partial_failure_total",
      "holdfast_restore_success_total",
    ]);
    for (const each of counted) expect(each.labels).toEqual(labels);
  });
});
