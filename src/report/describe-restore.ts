/** One restore in words, in the order of Velero's `restore describe`. */
import type { RestorePlan } from "../api/kinds.generated.ts";
import { counted, wrapped } from "./plan-lines.ts";

export interface DescribeRestoreOptions {
  /** Decoded `restore-<run>-results.gz`; undefined where it is not there. */
  readonly results: unknown;
  /** Decoded resource list; undefined: not listed. */
  readonly resourceList: unknown;
  readonly width: number;
}

/** The description. Nothing is cut: what does not fit the width goes on in the next line. */
export function describeRestore(plan: RestorePlan, options: DescribeRestoreOptions): string {
  const lines = [
    ...headLines(plan),
    ...statusLines(plan),
    ...specLines(plan),
    ...resultLines("Errors", field(options.results, "errors")),
    ...resultLines("Warnings", field(options.results, "warnings")),
    ...listLines(options.resourceList),
  ];
  return lines.flatMap((line) => fitted(line, options.width)).join("\n");
}

const VALUE_COLUMN = 26;

/** A line, and where it goes on when it is wrapped. */
interface Line {
  readonly head: string;
  readonly text: string;
  readonly indent: number;
}

function fitted({ head, text, indent }: Line, width: number): string[] {
  const lines = wrapped(text, Math.max(20, width - indent));
  const [first = "", ...rest] = lines;
  const fits = head === "" || [...first].length + head.length <= width;
  // one long word, such as a digest, is worth a line of its own
  const start = fits ? [`${head}${first}`.trimEnd()] : [head.trimEnd(), `  ${first}`];
  return [...start, ...rest.map((line) => `${" ".repeat(indent)}${line}`)];
}

function row(name: string, value: unknown): Line[] {
  if (value === undefined || value === "") return [];
  return [{ head: `${name}:`.padEnd(VALUE_COLUMN), text: String(value), indent: VALUE_COLUMN }];
}

const EMPTY: Line = { head: "", text: "", indent: 0 };

/** A line that begins, and goes on, at this column. */
function at(column: number, text: string): Line {
  return { head: " ".repeat(column), text, indent: column };
}

function headLines({ metadata }: RestorePlan): Line[] {
  return [...row("Name", metadata.name), ...row("Namespace", metadata.namespace)];
}

function statusLines({ status = {} }: RestorePlan): Line[] {
  const { progress, outcome, conditions = [] } = status;
  const counts = Object.entries(outcome ?? {})
    .filter(([, count]) => Number(count) > 0)
    .map(([name, count]) => `${count} ${name}`);
  const ready = conditions.find(({ type }) => type === "Ready");
  return [
    EMPTY,
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

function specLines({ spec, status }: RestorePlan): Line[] {
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
    EMPTY,
    ...row("Backup", status?.backup?.name ?? backupName),
    ...row(
      "Policy",
      policy === undefined
        ? undefined
        : [
            policy.name,
            ...(policy.schedule === undefined ? [] : [`schedule ${policy.schedule}`]),
            ...(policy.asOf === undefined ? [] : [`as of ${policy.asOf}`]),
          ].join(", "),
    ),
    ...row("Undo of", undoOf),
    ...row("Namespaces", list(spec.includedNamespaces, "all")),
    ...row("  excluded", list(spec.excludedNamespaces, "")),
    ...row("Resources", list(spec.includedResources, "all")),
    ...row("  excluded", list(spec.excludedResources, "")),
    ...row("Cluster-scoped", spec.includeClusterResources ?? "auto"),
    ...row("Namespace mappings", pairs(spec.namespaceMapping)),
    ...row("Storage class mappings", pairs(spec.storageClassMapping)),
    ...row("Names", list(spec.includedNames, "")),
    ...row("  excluded", list(spec.excludedNames, "")),
    ...row("Label selector", spec.labelSelector === undefined ? undefined : JSON.stringify(spec.labelSelector)),
    ...(spec.orLabelSelectors ?? []).flatMap((selector, index) =>
      row(index === 0 ? "Label selectors" : "  or", JSON.stringify(selector)),
    ),
    ...row("Resource policy", spec.resourcePolicy?.name),
    ...row("Existing resources", spec.existingResourcePolicy ?? "none"),
    ...row("  but of", pairs(spec.existingResourceOverrides)),
    ...row("Status restored of", spec.restoreStatus && list(spec.restoreStatus.includedResources, "all")),
    ...row("  excluded", list(spec.restoreStatus?.excludedResources, "")),
    ...row("Preserve node ports", spec.preserveNodePorts ?? "auto"),
    ...row("Resource modifier", spec.resourceModifier?.name),
    ...row("Modifiers", spec.modifiers === undefined ? undefined : counted(spec.modifiers.length, "rule")),
    ...row(
      "Restore hooks",
      list(
        spec.hooks?.resources?.map(({ name }) => name),
        "",
      ),
    ),
    ...row("GitOps owners", spec.gitOpsOwners),
    ...row("Safety backup mode", spec.safetyBackup?.mode),
    ...row("Approval", spec.approval?.mode),
  ];
}

function resultLines(title: string, result: unknown): Line[] {
  const places: [string, unknown][] = [
    ["Holdfast", field(result, "velero")],
    ["Cluster", field(result, "cluster")],
    ...Object.entries(asRecord(field(result, "namespaces"))),
  ];
  const told = places.filter(([, messages]) => Array.isArray(messages) && messages.length > 0);
  if (told.length === 0) return [];
  return [
    EMPTY,
    at(0, `${title}:`),
    ...told.flatMap(([place, messages]) => [
      at(2, `${place}:`),
      ...(messages as unknown[]).map((message) => ({ head: "    - ", text: String(message), indent: 6 })),
    ]),
  ];
}

function listLines(list: unknown): Line[] {
  const kinds = Object.entries(asRecord(list));
  if (kinds.length === 0) return [];
  return [
    EMPTY,
    at(0, "Objects:"),
    ...kinds.flatMap(([kind, entries]) => [
      at(2, `${kind}:`),
      ...(Array.isArray(entries) ? entries : []).map((entry) => ({ head: "    - ", text: String(entry), indent: 6 })),
    ]),
  ];
}

function field(value: unknown, key: string): unknown {
  return asRecord(value)[key];
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
