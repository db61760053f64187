import { METRICS, type MetricDefinition } from "../../src/report/metrics-table.ts";

const HEAD = `# Metrics

<!-- Made from src/report/metrics-table.ts by \`npm run generate\`: change it there. -->

\`holdfast run --health-address 0.0.0.0:8080\` serves them under \`/metrics\`. Where Velero has a metric, Holdfast's has its name with \`holdfast_\` in place of \`velero_\`.

- **They are read off the objects in the cluster and off [the record in Git](record.md)**, not counted in memory: right after a restart, or when another replica leads, they are what they were. What was deleted
  from the cluster since stays counted, and so do the [old years](record.md#old-years) that moved to branches of their own: \`counters.json\` on the status branch has their sums.
  - Gauges are there as soon as everything is listed. Counters and histograms of backups and restores follow when the record was read, a moment later; while Git is out of reach they are absent, not lower.
    So the alerts in [\`manifests/monitoring\`](../manifests/monitoring) ask for gauges only. Do the same in yours: \`holdfast_backup_last_phase\`, \`holdfast_backup_last_successful_timestamp\`,
    \`holdfast_restore_end_timestamp\`.
  - What the record does not tell is counted as long as its object or this process lives: a RestorePlan that was refused before it got a run; a Backup whose object was deleted in mid-run; deletions that failed
    or were taken back, of which only those that fail now are counted after a restart; and what ended in the last second before the process was killed, if its object is deleted before the next one starts.
  - Without a source there is no record, and counters tell of what exists. A status branch that was lost and made again, or a row that a person removed, takes its share with it,
    and so does the row of a backup whose Backup a person deleted without its data, when another of the same name is made in the same month. \`run --once\` reads no record, so with a source it has no counters.
    Prometheus takes a counter that begins lower for one that began at zero, and \`increase()\` over that moment is then too high.
- Counters of failed reconciles and of notifications begin at 0 with the process.
- **Only the leader tells of backups and restores**; a replica that waits serves \`holdfast_leader 0\` and no objects. Ask with \`max without (pod, instance)\`.
- \`namespace\` is the object's own namespace: scrape with \`honorLabels: true\`, as the PodMonitor does, or it is renamed to \`exported_namespace\`.
- \`policy\` is empty for a backup that no policy asked for. \`schedule\` is the schedule's name, \`manual\` for \`holdfast backup create --from-policy\`, \`safety\` for the backup that a restore makes of what
  it will touch, and empty for any other. Of a restore they tell whose backup it is made from.
- Backups of other clusters in the same bucket count in \`holdfast_backup_total\` and nowhere else.

| Metric | Type | Labels | What it says |
| ------ | ---- | ------ | ------------ |
`;

/** `docs/metrics.md`. */
export function renderMetricsPage(): string {
  const rows = Object.entries<MetricDefinition>(METRICS).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${help} |`,
  );
  const { buckets } = METRICS.holdfast_backup_duration_seconds;
  return `${HEAD}${rows.join("\n")}\n\nBuckets of the histograms, in seconds: ${buckets?.join(", ")}.\n`;
}
