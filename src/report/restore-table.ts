import type { RestorePlan } from "../api/kinds.generated.ts";
import { ageText } from "./age.ts";
import { textTable } from "./table.ts";

const HEAD = ["NAME", "BACKUP", "STATUS", "ERR", "AGE"];
const WIDE_HEAD = ["NAME", "BACKUP", "STATUS", "STARTED", "COMPLETED", "ERRORS", "WARNINGS", "CREATED"];

/** Restores line by line: within 80 columns for usual names, or with all there is to say. */
export function restoreTable(plans: readonly RestorePlan[], options: { nowMs: number; wide: boolean }): string {
  return options.wide
    ? textTable(WIDE_HEAD, plans.map(wideRow))
    : textTable(
        HEAD,
        plans.map((plan) => row(plan, options.nowMs)),
      );
}

function row(plan: RestorePlan, nowMs: number): string[] {
  const since = plan.status?.startTimestamp ?? createdAt(plan);
  return [...identity(plan), String(plan.status?.errors ?? 0), ageText(since, nowMs)];
}

function wideRow(plan: RestorePlan): string[] {
  const { startTimestamp = "", completionTimestamp = "", errors = 0, warnings = 0 } = plan.status ?? {};
  return [...identity(plan), startTimestamp, completionTimestamp, String(errors), String(warnings), createdAt(plan)];
}

function identity({ metadata, spec, status }: RestorePlan): string[] {
  const { backupName, policy, undoOf } = spec.source;
  return [metadata.name, status?.backup?.name ?? backupName ?? policy?.name ?? undoOf ?? "", status?.phase ?? "New"];
}

function createdAt({ metadata }: RestorePlan): string {
  return String(metadata.creationTimestamp ?? "");
}
