import type { BackupPolicy, RestorePlan } from "../api/kinds.generated.ts";
import type { RecordIndex } from "./index-file.ts";
import { policyStanding } from "./policy-record.ts";
import { policyPath, restorePaths } from "./record-paths.ts";
import { compareText, staleSchedules } from "./staleness.ts";

/** What the README is made of. */
export interface ReadmeInput {
  readonly cluster: string;
  readonly policies: readonly BackupPolicy[];
  readonly restores: readonly RestorePlan[];
  readonly index: RecordIndex;
  /** ms since the epoch: what is stale depends on it, and nothing else does. */
  readonly nowMs: number;
}

/** How many restores the page shows. */
const RECENT_RESTORES = 10;

/** `README.md` of the status branch, for people: what runs, what is stale, what was restored. Deterministic. */
export function readmeText(input: ReadmeInput): string {
  const sections = [
    `# Backups of ${code(input.cluster)}`,
    "Written by Holdfast. Files here are rewritten; change the YAML that Holdfast watches instead.",
    staleSection(input),
    policySection(input.policies),
    restoreSection(input.restores),
    totalsSection(input.index),
    sourceSection(input.index),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function staleSection({ policies, nowMs }: ReadmeInput): string {
  const stale = staleSchedules(policies, nowMs);
  if (stale.length === 0) return policies.length === 0 ? "" : "**Nothing is stale.**";
  const rows = stale.map(({ policy, schedule, lastSuccess, message }) => [
    code(policy),
    code(schedule),
    lastSuccess ?? "never",
    cell(message),
  ]);
  return `## Stale\n\n${table(["Policy", "Schedule", "Last success", "Why"], rows)}`;
}

function policySection(policies: readonly BackupPolicy[]): string {
  if (policies.length === 0) return "## Policies\n\nNone.";
  const rows = [...policies].sort(byKey).flatMap((policy) => {
    const key = { namespace: policy.metadata.namespace ?? "", name: policy.metadata.name };
    const link = `[${cell(`${key.namespace}/${key.name}`)}](${policyPath(key)})`;
    const standing = policyStanding(policy);
    const ready = standing.ready ? "yes" : cell(`no: ${standing.message}`);
    const schedules = policy.status?.schedules ?? [];
    if (schedules.length === 0) return [[link, "", "", "", "", ready]];
    return schedules.map((schedule) => [
      link,
      code(schedule.name),
      schedule.lastBackup === undefined
        ? "none yet"
        : `${code(schedule.lastBackup)} ${schedule.lastPhase ?? ""}`.trim(),
      schedule.lastSuccessfulTime ?? "never",
      schedule.suspended === true ? "suspended" : (schedule.nextSlot ?? ""),
      ready,
    ]);
  });
  return `## Policies\n\n${table(["Policy", "Schedule", "Last run", "Last success", "Next run", "Ready"], rows)}`;
}

function restoreSection(restores: readonly RestorePlan[]): string {
  const ran = restores.filter(({ status }) => status?.run !== undefined);
  if (ran.length === 0) return "## Recent restores\n\nNone.";
  const recent = [...ran].sort((a, b) => compareText(startOf(b), startOf(a)) || byKey(a, b)).slice(0, RECENT_RESTORES);
  const rows = recent.map((plan) => {
    const key = { namespace: plan.metadata.namespace ?? "", name: plan.metadata.name };
    const run = plan.status?.run?.id ?? "";
    const outcome = Object.entries(plan.status?.outcome ?? {})
      .filter(([, count]) => typeof count === "number" && count > 0)
      .map(([name, count]) => `${count} ${name}`);
    return [
      `[${cell(run)}](${restorePaths(key, run).status})`,
      code(plan.status?.backup?.name ?? ""),
      plan.status?.phase ?? "",
      outcome.join(", "),
      plan.status?.completionTimestamp ?? "",
    ];
  });
  return `## Recent restores\n\n${table(["Run", "Backup", "Phase", "Objects", "Completed"], rows)}`;
}

function totalsSection({ totals, archived = {} }: RecordIndex): string {
  const { backups, completed, partiallyFailed, failed, gone } = totals;
  const parts = [`${completed} completed`, `${partiallyFailed} partially failed`, `${failed} failed`, `${gone} gone`];
  const text = `## Backups\n\n${backups} on record: ${parts.join(", ")}. The months are listed in [index.json](index.json).`;
  const branches = Object.values(archived).map(({ branch }) => code(branch));
  return branches.length === 0 ? text : `${text} Older records of what exists no more: ${branches.join(", ")}.`;
}

function sourceSection({ sources }: RecordIndex): string {
  const names = Object.keys(sources).sort();
  if (names.length === 0) return "";
  const rows = names.map((name) => {
    const source = sources[name];
    return [
      code(name),
      cell(source?.url ?? ""),
      code(source?.branch ?? ""),
      code(source?.path || "."),
      code(source?.revision ?? ""),
    ];
  });
  return `## Sources\n\n${table(["Source", "Repository", "Branch", "Path", "Applied"], rows)}`;
}

function startOf({ status, metadata }: RestorePlan): string {
  return status?.startTimestamp ?? metadata.creationTimestamp ?? "";
}

interface Named {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

function byKey(a: Named, b: Named): number {
  return (
    compareText(a.metadata.namespace ?? "", b.metadata.namespace ?? "") || compareText(a.metadata.name, b.metadata.name)
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function code(text: string): string {
  return text === "" ? "" : `\`${text.replaceAll(/[`|\r\n]/g, " ")}\``;
}

/** Text that stays inside its cell and is no markup. */
function cell(text: string): string {
  return text.replaceAll(/\r?\n/g, " ").replaceAll(/[|<>[\]`\\]/g, (mark) => `\\${mark}`);
}
