import { METRICS, type MetricDefinition } from "../../src/report/metrics-table.ts";

const HEAD = `# Metrics

<!-- Made from src/report/metrics-table.ts by \`npm run generate\`: change it there. -->

\`holdfast run --health-address 0.0.0.0:8080\` serves them under \`/metrics\`. Where Velero has a metric, Holdfast's has its name with \`holdfast_\` in place of \`velero_\`.

- **They are read off the objects in the cluster**, not counted in memory: right after a restart they are what they were, but for the share of a counter that came from objects deleted
  since (Prometheus sees that as a reset). The alerts in [\`manifests/monitoring\`](../manifests/monitoring) look at gauges, which a restart does not move.
- Counters of deletions, of failed reconciles and of notifications begin at 0 with the process.
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
