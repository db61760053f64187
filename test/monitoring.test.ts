/** The alerts and the dashboard speak of metrics that exist, and every alert has its page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { METRICS, type MetricDefinition } from "../src/report/metrics-table.ts";
import { readAlerts } from "./support/alerts.ts";

const ROOT = new URL("..", import.meta.url);
const KNOWN = new Map(Object.entries<MetricDefinition>(METRICS));

/** Names of metrics in an expression that no registry has; a histogram's parts count as the histogram. */
function unknownMetrics(text: string): string[] {
  const names = [...text.matchAll(/\bholdfast_\w+/g)].map(([name]) => name);
  return names.filter((name) => !KNOWN.has(name) && !isPartOfHistogram(name));
}

function isPartOfHistogram(name: string): boolean {
  const part = /^(.*)_(?:bucket|sum|count)$/.exec(name);
  return KNOWN.get(part?.[1] ?? "")?.type === "histogram";
}

/** Labels that an expression groups or selects by, and no metric of it has; `le` is a histogram's own. */
function unknownLabels(expr: string): string[] {
  const metrics = [...expr.matchAll(/\bholdfast_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));
  const has = new Set([...metrics.flatMap((name) => KNOWN.get(name)?.labels ?? []), "le"]);
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/,\s*/));
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, text = ""]) =>
    [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
  );
  return [...grouped, ...selected].filter((label) => !has.has(label));
}

describe("the alerts", () => {
  const alerts = readAlerts();

  it.each(alerts.map((alert) => [alert.alert, alert] as const))("%s asks for metrics that exist", (_name, alert) => {
    expect([...unknownMetrics(alert.expr), ...unknownLabels(alert.expr)]).toEqual([]);
  });

  it("ask for gauges only: counters are not served before the record was read, and it may be out of reach", () => {
    const asked = alerts.flatMap(({ expr }) => [...expr.matchAll(/\bholdfast_\w+/g)].map(([name]) => name));

    expect(asked.filter((name) => KNOWN.get(name)?.type !== "gauge")).toEqual([]);
  });

  it("each have a page, and no page is without an alert", () => {
    const pages = alerts.map(({ annotations }) => annotations.runbook ?? "");
    const there = readdirSync(new URL("docs/runbooks/", ROOT)).map((name) => `docs/runbooks/${name}`);

    expect(pages.filter((page) => !existsSync(new URL(page, ROOT)))).toEqual([]);
    expect(there.filter((page) => !pages.includes(page))).toEqual([]);
    for (const { alert, annotations } of alerts)
      expect(readFileSync(new URL(annotations.runbook ?? "", ROOT), "utf8")).toContain(`# ${alert}\n`);
  });
});

describe("the dashboard", () => {
  interface Panel {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }
  const { panels } = JSON.parse(readFileSync(new URL("manifests/monitoring/dashboard.json", ROOT), "utf8")) as {
    readonly panels: readonly Panel[];
  };

  it.each(panels.map((panel) => [panel.title, panel] as const))("%s asks for metrics that exist", (_title, panel) => {
    const found = panel.targets.flatMap(({ expr }) => [...unknownMetrics(expr), ...unknownLabels(expr)]);

    expect(panel.targets.length).toBeGreaterThan(0);
    expect(found).toEqual([]);
  });
});

describe("a metric that nobody has", () => {
  it("is found", () => {
    expect(unknownMetrics('sum(holdfast_backup_sucess_total) + holdfast_backup_total_bucket{a="b"}')).toEqual([
      "holdfast_backup_sucess_total",
      "holdfast_backup_total_bucket",
    ]);
    expect(unknownLabels('max by (pod, policy) (holdfast_backup_total{phase="x"})')).toEqual(["pod", "phase"]);
  });
});
