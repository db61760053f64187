import { METRICS, type MetricDefinition } from "../../src/report/metrics-table.ts";

const HEAD = `# Metrics

<!-- Made from src/report/metrics-table.ts by \`npm run generate\`: change it there. -->

\`holdfast run --health-address 0.0.0.0:8080\` serves them under \`/metrics\`. Where Velero has a metric, Holdfast's has its name with \`holdfast_\` in place of \`velero_\`.

- **They are read off the objects in the cluster**, not counted in memory: right after a restart, or when another replica leads, they are what they were. One thing is missing then: what
  objects that were deleted since had added to a counter (\`_total\` of backups and restores, and the histograms). A counter may so begin lower than it ended. Prometheus takes that for a reset to
  zero and all that is there for new: \`increase()\` and \`rate()\` over it are wrong then, as a rule too high. Where the new leader is another pod, its series are new ones, and nothing is counted twice.
  - The alerts in [\`manifests/monitoring\`](../manifests/monitoring) ask for gauges only, which a restart does not move. Do the same in yours: \`holdfast_backup_last_phase\`,
    \`holdfast_backup_last_successful_timestamp\`, \`holdfast_restore_end_timestamp\`.
  - Where you want an increase, say \`increase(x[1d]) unless resets(x[1d]) > 0\`, as the dashboard does: no value for a range with such a restart, instead of a wrong one.
- Counters of deletions, of failed reconciles and of notifications begin at 0 with the process, as Prometheus expects it: \`increase()\` of them is right.
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
