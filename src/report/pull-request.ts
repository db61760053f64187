/** What a pull request would change, as plain values: made by the loop, judged here, and printed by the page beside. */
import type { Problem } from "../api/problem.ts";
import type { PlanHeader, PlanSummary } from "./plan.ts";
import { totalsLine } from "./plan-lines.ts";

export interface PullRequestReport {
  readonly cluster: string;
  /** `namespace/name` of the source. */
  readonly source: string;
  /** The folder that is read; "" for the root. */
  readonly folder: string;
  readonly base: { readonly branch: string; readonly revision: string };
  readonly head: { readonly branch: string; readonly revision: string };
  /** Paths that both sides changed: nothing can be said of them. */
  readonly conflicts: readonly string[];
  /** Why there is no test merge at all; undefined where there is one. */
  readonly unmergeable: string | undefined;
  /** Of the tree as it would be after the merge. */
  readonly problems: readonly Problem[];
  readonly restores: readonly ReportedRestore[];
  readonly policies: readonly PolicyEffect[];
  /** Documents that are neither restores nor policies. */
  readonly others: readonly ChangedDocument[];
}

export type DocumentChange = "added" | "changed" | "removed";

export interface ChangedDocument {
  readonly kind: string;
  /** `namespace/name`. */
  readonly name: string;
  readonly change: DocumentChange;
}

/** One RestorePlan that the pull request adds or changes. */
export type ReportedRestore = {
  /** `namespace/name`. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
} & (
  | {
      readonly type: "planned";
      readonly header: PlanHeader;
      readonly summary: PlanSummary;
      /** Its objects as Markdown, ready to stand in a page. */
      readonly blocks: string;
      /** Undefined where merging is the approval. */
      readonly approval: { readonly wanted: string | undefined } | undefined;
      /** The time to pin, where the plan names a policy and no time. */
      readonly missingAsOf: string | undefined;
    }
  | { readonly type: "ran"; readonly run: string; readonly phase: string | undefined }
  | { readonly type: "failed"; readonly code: string; readonly message: string }
);

/** What changes with a BackupPolicy. */
export interface PolicyEffect {
  readonly name: string;
  readonly change: DocumentChange;
  readonly isSuspended: boolean;
  /** Each schedule with its next runs, RFC 3339; none for a removed or suspended one. */
  readonly schedules: readonly { readonly name: string; readonly cron: string; readonly next: readonly string[] }[];
  /** Namespaces of the cluster that the policy begins to cover, and those it no longer covers. */
  readonly covered: readonly string[];
  readonly uncovered: readonly string[];
  /** Sentences about retention that becomes shorter. */
  readonly retention: readonly string[];
}

/** One commit status: how it ends and why. */
export interface Verdict {
  readonly state: "success" | "failure";
  readonly description: string;
}

/** Whether the documents are valid as they would be after the merge. */
export function validateVerdict(report: PullRequestReport): Verdict {
  if (report.unmergeable !== undefined) return { state: "failure", description: report.unmergeable };
  if (report.conflicts.length > 0) {
    const files = report.conflicts.length === 1 ? "1 file" : `${report.conflicts.length} files`;
    return { state: "failure", description: `${files} changed on both sides: bring the branch up to date` };
  }
  if (report.problems.length > 0) {
    const files = new Set(report.problems.map(({ file }) => file)).size;
    return { state: "failure", description: `${count(report.problems.length, "problem")} in ${count(files, "file")}` };
  }
  const changes = report.restores.length + report.policies.length + report.others.length;
  return { state: "success", description: changes === 0 ? "nothing changes" : `${count(changes, "document")} valid` };
}

/** Whether every restore has a plan that can go through. */
export function planVerdict(report: PullRequestReport): Verdict {
  const { restores } = report;
  if (report.unmergeable !== undefined) return { state: "failure", description: "no plan without a test merge" };
  if (restores.length === 0) {
    const isBlind = report.problems.length > 0 || report.conflicts.length > 0;
    if (isBlind) return { state: "failure", description: "no plan of files that are invalid or in conflict" };
    return { state: "success", description: "no restore" };
  }
  const failed = restores.find((restore) => restore.type === "failed");
  if (failed?.type === "failed") return { state: "failure", description: `${failed.name}: ${failed.message}` };
  const stale = restores.find(isUnapproved);
  if (stale?.type === "planned") {
    const why = stale.approval?.wanted === undefined ? "approval.planDigest is missing" : "the approved plan is stale";
    return { state: "failure", description: `${stale.name}: ${why}` };
  }
  const totals = totalsOf(report);
  return { state: totals.fail > 0 ? "failure" : "success", description: planLine(report) };
}

/** True where a plan waits for a digest that it does not carry. */
export function isUnapproved(restore: ReportedRestore): boolean {
  return (
    restore.type === "planned" && restore.approval !== undefined && restore.approval.wanted !== restore.summary.digest
  );
}

/** The totals of all plans in one sentence. */
export function planLine(report: PullRequestReport): string {
  const ran = report.restores.filter(({ type }) => type === "ran").length;
  const planned = report.restores.some(({ type }) => type === "planned");
  const line = totalsLine({ totals: totalsOf(report) });
  if (!planned) return `${count(ran, "restore")} ran already and will not run again.`;
  return ran === 0 ? line : `${line} ${count(ran, "restore")} ran already.`;
}

function totalsOf({ restores }: PullRequestReport): PlanSummary["totals"] {
  const sum = { create: 0, patch: 0, labelsOnly: 0, recreate: 0, delete: 0, unchanged: 0, skip: 0, fail: 0 };
  for (const restore of restores) {
    if (restore.type !== "planned") continue;
    for (const action of Object.keys(sum) as (keyof typeof sum)[]) sum[action] += restore.summary.totals[action];
  }
  return sum;
}

/** `1 file`, `2 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
