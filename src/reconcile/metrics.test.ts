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
function readerOf(live: LiveObjects): MetricsReader {
  const sources = createSources({ flagged: undefined, hasObjects: () => false, onRecord: () => {} });
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

describe("metrics after a restart", () => {
  it("are what they were; a counter lacks what deleted objects had added, and no gauge does", () => {
    const live = createLiveObjects("holdfast");
    const first = readerOf(live);
    for (const object of [backup("a", "Failed", 20), backup("b", "Completed", 24), backup("c", "Completed", 25)])
      live.put(object);
    const whole = first.samples();
    live.remove("Backup", { namespace: "shop", name: "a" });
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
