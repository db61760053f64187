/** One restore in words, in the order of Velero's `restore describe`. */
import type { RestorePlan } from "../api/kinds.generated.ts";
import { cutTo, printable } from "./plan-lines.ts";

export interface DescribeRestoreOptions {
  /** Decoded `restore-<run>-results.gz`; undefined where it is not there. */
  readonly results: unknown;
  /** Decoded resource list; undefined: not listed. */
  readonly resourceList: unknown;
  readonly width: number;
}

/** The description, lines cut to the width. */
export function describeRestore(plan: RestorePlan, options: DescribeRestoreOptions): string {
  const lines = [
    ...headLines(plan),
    ...statusLines(plan),
    ...specLines(plan),
    ...resultLines("Errors", at(options.results, "errors")),
    ...resultLines("Warnings", at(options.results, "warnings")),
    ...listLines(options.resourceList),
  ];
  return lines.map((line) => cutTo(printable(line), options.width)).join("\n");
}

function row(name: string, value: unknown): string[] {
  if (value === undefined || value === "") return [];
  return [`${`${name}:`.padEnd(26)}${String(value)}`];
}

function headLines({ metadata }: RestorePlan): string[] {
  return [...row("Name", metadata.name), ...row("Namespace", metadata.namespace)];
}

function statusLines({ status = {} }: RestorePlan): string[] {
  const { progress, outcome, conditions = [] } = status;
  const counts = Object.entries(outcome ?? {})
    .filter(([, count]) => Number(count) > 0)
    .map(([name, count]) => `${count} ${name}`);
  const ready = conditions.find(({ type }) => type === "Ready");
  return [
    "",
    ...row("Phase", status.phase ?? "New"),
    ...row("Ready", ready === undefined ? undefined : `${ready.status} (${ready.reason}) ${ready.message ?? ""}`),
    ...row("Failure", status.failureReason),
    ...(status.validationErrors ?? []).flatMap((problem) => row("Validation error", problem)),
    ...row("Run", status.run?.id),
    ...row(
      "Objects",
      progress === undefined ? undefined : `${progress.itemsRestored ?? 0} of ${progress.totalItems ?? 0}`,
    ),
    ...row("Outcome", counts.length === 0 ? undefined : counts.join(", ")),
    ...row("Started", status.startTimestamp),
    ...row("Completed", status.completionTimestamp),
    ...row("Errors", status.errors),
    ...row("Warnings", status.warnings),
    ...row("Safety backup", status.safetyBackup),
    ...(status.pausedOwners ?? []).flatMap((owner) => row("Paused owner", owner)),
    ...row("Plan digest", status.planDigest),
    ...row(
      "Hooks",
      status.hookStatus === undefined
        ? undefined
        : `${status.hookStatus.hooksAttempted ?? 0} attempted, ${status.hookStatus.hooksFailed ?? 0} failed`,
    ),
  ];
}

function specLines({ spec, status }: RestorePlan): string[] {
  const { policy, undoOf, backupName } = spec.source;
  const list = (items: readonly string[] | undefined, none: string): string =>
    items === undefined || items.length === 0 ? none : items.join(", ");
  const pairs = (mapping: Readonly<Record<string, string>> | undefined): string | undefined =>
    mapping === undefined
      ? undefined
      : Object.entries(mapping)
          .map(([from, to]) => `${from} → ${to}`)
          .join(", ");
  return [
    "",
    ...row("Backup", status?.backup?.name ?? backupName),
    ...row(
      "Policy",
      policy === undefined
        ? undefined
        : `${policy.name}${policy.schedule === undefined ? "" : `, schedule ${policy.schedule}`}`,
    ),
    ...row("Undo of", undoOf),
    ...row("Namespaces", list(spec.includedNamespaces, "all")),
    ...row("  excluded", list(spec.excludedNamespaces, "")),
    ...row("Resources", list(spec.includedResources, "all")),
    ...row("  excluded", list(spec.excludedResources, "")),
    ...row("Cluster-scoped", spec.includeClusterResources ?? "auto"),
    ...row("Namespace mappings", pairs(spec.namespaceMapping)),
    ...row("Storage class mappings", pairs(spec.storageClassMapping)),
    ...row("Label selector", spec.labelSelector === undefined ? undefined : JSON.stringify(spec.labelSelector)),
    ...row("Existing resources", spec.existingResourcePolicy ?? "none"),
    ...row("Preserve node ports", spec.preserveNodePorts ?? "auto"),
    ...row("Resource modifier", spec.resourceModifier?.name),
  ];
}

function resultLines(title: string, result: unknown): string[] {
  const places: [string, unknown][] = [
    ["Holdfast", at(result, "velero")],
    ["Cluster", at(result, "cluster")],
    ...Object.entries(asRecord(at(result, "namespaces"))),
  ];
  const told = places.filter(([, messages]) => Array.isArray(messages) && messages.length > 0);
  if (told.length === 0) return [];
  return [
    "",
    `${title}:`,
    ...told.flatMap(([place, messages]) => [
      `  ${place}:`,
      ...(messages as unknown[]).map((message) => `    ${String(message)}`),
    ]),
  ];
}

function listLines(list: unknown): string[] {
  const kinds = Object.entries(asRecord(list));
  if (kinds.length === 0) return [];
  return [
    "",
    "Objects:",
    ...kinds.flatMap(([kind, entries]) => [
      `  ${kind}:`,
      ...(Array.isArray(entries) ? entries : []).map((entry) => `    - ${String(entry)}`),
    ]),
  ];
}

function at(value: unknown, key: string): unknown {
  return asRecord(value)[key];
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
