import { readFileSync } from "node:fs";
import { parse } from "yaml";

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Prometheus rules file. */
export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

/** What the PrometheusRule of `manifests/monitoring` holds, as Prometheus itself reads it. */
export function readRuleFile(): RuleFile {
  const path = new URL("../../manifests/monitoring/prometheus-rule.yaml", import.meta.url);
  return (parse(readFileSync(path, "utf8")) as { readonly spec: RuleFile }).spec;
}

export function readAlerts(): readonly AlertRule[] {
  return readRuleFile().groups.flatMap(({ rules }) => rules);
}
