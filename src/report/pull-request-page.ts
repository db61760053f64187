/** The one comment on a pull request. Under 60,000 bytes whatever the plan; nothing that an object holds can act in it. */

import { headerMode } from "./plan.ts";
import { totalsLine } from "./plan-lines.ts";
import { MARKDOWN_LIMIT_BYTES, short } from "./plan-markdown.ts";
import {
  count,
  isUnapproved,
  type PolicyEffect,
  type PullRequestReport,
  planLine,
  planVerdict,
  type ReportedRestore,
  validateVerdict,
} from "./pull-request.ts";

const PROBLEMS = 20;
const NOTES = 12;
const POLICIES = 20;
const NAMESPACES = 20;
const OTHERS = 20;
/** Kept for the last line, which says what was left out. */
const TAIL_BYTES = 300;
/** All plans of one page share this; the rest is for what is said about them. */
const BLOCKS_BYTES = 38_000;
/** Below this a block shows nothing worth opening. */
const LEAST_BLOCKS_BYTES = 2_500;

/** How many bytes the objects of each of so many plans may take; 0 where only totals fit. */
export function blocksBudget(plans: number): number {
  const each = Math.floor(BLOCKS_BYTES / Math.max(1, plans));
  return each < LEAST_BLOCKS_BYTES ? 0 : each;
}

/** The page without its marker. */
export function pullRequestPage(report: PullRequestReport): string {
  const page = createPage(MARKDOWN_LIMIT_BYTES - TAIL_BYTES);
  page.add(head(report));
  page.add(problems(report));
  for (const restore of inOrder(report.restores)) page.add(restoreSection(restore));
  page.add(policies(report));
  page.add(others(report));
  page.add(nextSteps(report));
  return page.text();
}

/** Puts whole sections together: one that no longer fits is left out and counted. */
export function createPage(limitBytes: number): { add(section: string): void; text(): string } {
  const sections: string[] = [];
  let bytes = 0;
  let left = 0;
  return {
    add: (section) => {
      if (section === "") return;
      const size = Buffer.byteLength(section) + 2;
      if (bytes + size > limitBytes) left++;
      else {
        sections.push(section);
        bytes += size;
      }
    },
    text: () => {
      const more = left === 0 ? [] : [`… ${count(left, "part")} of this answer did not fit into one comment.`];
      return `${[...sections, ...more].join("\n\n")}\n`;
    },
  };
}

function head(report: PullRequestReport): string {
  const [validate, plan] = [validateVerdict(report), planVerdict(report)];
  const icon = validate.state === "success" && plan.state === "success" ? "✅" : "❌";
  const { base, head: pulled } = report;
  const where = report.folder === "" ? "the whole repository" : `\`${code(report.folder)}\``;
  return [
    `### ${icon} Holdfast on cluster \`${report.cluster}\``,
    "",
    `**${short(report.restores.length === 0 ? sentence(validate.description) : planLine(report))}**`,
    ...(validate.state === "failure" ? ["", `Validation: ${short(validate.description)}.`] : []),
    ...(plan.state === "failure" && report.restores.length > 0 ? ["", `Plan: ${short(plan.description)}`] : []),
    "",
    `Of ${where}, as it would be after merging \`${code(pulled.branch)}\` (\`${pulled.revision.slice(0, 8)}\`) into \`${code(base.branch)}\` (\`${base.revision.slice(0, 8)}\`). Nothing was written to the cluster.`,
  ].join("\n");
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function problems({ problems: found, conflicts }: PullRequestReport): string {
  const lines = [
    ...conflicts.slice(0, PROBLEMS).map((path) => `- ${short(path)}: changed here and on the base branch`),
    ...found
      .slice(0, PROBLEMS)
      .map(({ file, line, column, code: name, message, hint }) =>
        [
          `- **${short(`${file}:${line}:${column}`)}** ${short(message)}`,
          hint === undefined ? "" : ` (${short(hint)})`,
          ` [${name}]`,
        ].join(""),
      ),
  ];
  const hidden = conflicts.length + found.length - lines.length;
  if (hidden > 0) lines.push(`- … and ${hidden} more`);
  return lines.length === 0 ? "" : `#### What is wrong\n\n${lines.join("\n")}`;
}

/** What needs a person first. */
function inOrder(restores: readonly ReportedRestore[]): ReportedRestore[] {
  const rank = (restore: ReportedRestore): number =>
    restore.type === "failed" ? 0 : restore.type === "ran" ? 3 : restore.summary.totals.fail > 0 ? 1 : 2;
  return [...restores].sort((a, b) => rank(a) - rank(b));
}

function restoreSection(restore: ReportedRestore): string {
  const name = short(restore.name);
  switch (restore.type) {
    case "failed":
      return `#### ❌ Restore ${name}\n\n${short(restore.message, 600)} [${restore.code}]`;
    case "ran":
      return `#### Restore ${name}\n\nThis very restore ran already as \`${code(restore.run)}\`${restore.phase === undefined ? "" : ` (${short(restore.phase)})`}: merging runs nothing. A new \`runId\` runs it again.`;
    case "planned":
      return plannedSection(restore);
  }
}

function plannedSection(restore: PlannedRestore): string {
  const { summary } = restore;
  return `#### ${summary.totals.fail > 0 ? "❌ " : ""}Restore ${short(restore.name)}\n\n${plannedText(restore)}`;
}

export type PlannedRestore = Extract<ReportedRestore, { readonly type: "planned" }>;

/** One plan without a head: totals, notes, its objects, and what to put into the file. */
export function plannedText(restore: PlannedRestore): string {
  const { header, summary } = restore;
  const mode = headerMode(header);
  const mapping = Object.entries(header.namespaceMapping ?? {}).map(([from, to]) => `${from} → ${to}`);
  const from = `from backup ${short(header.backup)}${header.location === undefined ? "" : ` in ${short(header.location)}`}`;
  const notes = summary.notes.slice(0, NOTES).map((note) => `- ${short(note, 400)}`);
  const removed = `- ${count(summary.removedFields, "field")} that stand${summary.removedFields === 1 ? "s" : ""} only in the cluster would be removed`;
  return [
    `${totalsLine(summary)} ${sentence(from).slice(0, -1)}; ${mode.label}: ${short(mode.value)}${mapping.length === 0 ? "" : `; namespaces: ${short(mapping.join(", "))}`}.`,
    ...(notes.length + (summary.removedFields > 0 ? 1 : 0) === 0 ? [] : ["", ...notes]),
    ...(summary.notes.length > NOTES ? [`- … and ${summary.notes.length - NOTES} more notes`] : []),
    ...(summary.removedFields > 0 ? [removed] : []),
    "",
    ...(restore.blocks === ""
      ? []
      : [`<details><summary>Object by object, field by field</summary>\n\n${restore.blocks}\n\n</details>`, ""]),
    ...pasteLines(restore),
  ]
    .join("\n")
    .trimEnd();
}

/** What to put into the file, where the plan waits for something. */
function pasteLines(restore: PlannedRestore): string[] {
  const digest = `Plan digest: \`${restore.summary.digest}\``;
  const wantsAsOf = restore.missingAsOf !== undefined;
  if (!wantsAsOf && !isUnapproved(restore)) return [digest];
  const why =
    restore.approval?.wanted === undefined
      ? "It runs only with the digest of this plan in its file"
      : "The digest in its file is of another plan, and the restore will not run with it";
  return [
    isUnapproved(restore) ? `${why}. In \`${code(restore.file)}\`, below \`spec\`:` : digest,
    "",
    "```yaml",
    ...(wantsAsOf ? ["source:", "  policy:", `    asOf: "${restore.missingAsOf}"`] : []),
    ...(isUnapproved(restore) ? ["approval:", "  mode: PlanDigest", `  planDigest: ${restore.summary.digest}`] : []),
    "```",
    ...(wantsAsOf ? ["", "The digest changes with `asOf`: pin that first; `holdfast plan --write` pins both."] : []),
  ];
}

function policies({ policies: all }: PullRequestReport): string {
  if (all.length === 0) return "";
  const lines = all.slice(0, POLICIES).flatMap(policyLines);
  if (all.length > POLICIES) lines.push(`- … and ${all.length - POLICIES} more`);
  return `#### Policies\n\n${lines.join("\n")}`;
}

function policyLines(policy: PolicyEffect): string[] {
  const { name, change, schedules, covered, uncovered, retention } = policy;
  const suspended = policy.isSuspended ? ", suspended" : "";
  return [
    `- **${short(name)}** (${change}${suspended})`,
    ...schedules.map((schedule) => {
      const next = schedule.next.length === 0 ? "no next run" : `next runs ${schedule.next.join(", ")}`;
      return `  - ${short(schedule.name)} (${short(schedule.cron)}): ${next}`;
    }),
    ...(covered.length === 0 ? [] : [`  - newly covered namespaces: ${names(covered)}`]),
    ...(uncovered.length === 0 ? [] : [`  - ⚠️ no longer covered: ${names(uncovered)}`]),
    ...(change === "removed" ? ["  - its backups stay in the bucket"] : []),
    ...retention.map((text) => `  - ⚠️ ${short(text, 300)}`),
  ];
}

function names(all: readonly string[]): string {
  const more = all.length > NAMESPACES ? `, … (${all.length} in all)` : "";
  return `${all
    .slice(0, NAMESPACES)
    .map((name) => short(name))
    .join(", ")}${more}`;
}

function others({ others: all }: PullRequestReport): string {
  if (all.length === 0) return "";
  const lines = all.slice(0, OTHERS).map(({ kind, name, change }) => `- ${kind} ${short(name)}: ${change}`);
  if (all.length > OTHERS) lines.push(`- … and ${all.length - OTHERS} more`);
  return `#### Other documents\n\n${lines.join("\n")}`;
}

function nextSteps(report: PullRequestReport): string {
  const steps = [...new Set(stepsOf(report))];
  return steps.length === 0 ? "" : `#### What to do next\n\n${steps.map((step) => `- ${step}`).join("\n")}`;
}

function stepsOf(report: PullRequestReport): string[] {
  if (report.unmergeable !== undefined || report.conflicts.length > 0)
    return ["Bring the branch up to date with its base and push: this comment is made anew."];
  if (report.problems.length > 0) return ["Mend the files and push: this comment is made anew."];
  const steps: string[] = [];
  if (
    report.restores.some(
      (restore) => restore.type === "failed" || (restore.type === "planned" && restore.summary.totals.fail > 0),
    )
  )
    steps.push(
      "Change what fails and push, or merge knowing it: the rest is restored all the same, and the restore ends PartiallyFailed.",
    );
  if (report.restores.some(isUnapproved)) steps.push("Paste the digest, push, and merge when this comment agrees.");
  else if (report.restores.some(({ type }) => type === "planned"))
    steps.push("Merge: the restore begins when Holdfast has read the merge, runs once, and its outcome comes here.");
  if (report.restores.some(({ type }) => type === "planned"))
    steps.push(
      "Objects that change until then are looked at again: each write is guarded by the version that was read.",
    );
  return steps;
}

/** Inside single backticks nothing but a backtick can act. */
function code(text: string): string {
  return text
    .replaceAll("`", "'")
    .replace(/[\r\n]+/g, " ")
    .slice(0, 200);
}
