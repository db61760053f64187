/** What became of the restores of a merged pull request: put above the plan that was reviewed. */
import { MARKDOWN_LIMIT_BYTES, short } from "./plan-markdown.ts";
import type { ReportedRestore } from "./pull-request.ts";
import { createPage, plannedText } from "./pull-request-page.ts";

/** One restore after the merge. */
export interface RestoreOutcomeLine {
  /** `namespace/name`. */
  readonly name: string;
  /** The phase, or what it waits for. */
  readonly state: string;
  readonly isEnded: boolean;
  readonly isGood: boolean;
  /** One sentence: counts, or what to do. */
  readonly message: string;
  /** The run's page in the record. */
  readonly record: string | undefined;
  /** The digest that a plan that is stale by now would need. */
  readonly planDigest: string | undefined;
}

/** A restore that waits for the digest of another plan than the reviewed one: that plan, made anew. */
export type PlanAnew = Exclude<ReportedRestore, { readonly type: "ran" }>;

/** Where the reviewed plan begins: everything below it is kept as it was. */
const REVIEWED = "<!-- holdfast:reviewed -->";
const FOLD = "<details><summary>The plan as it was reviewed</summary>";
const LIMIT_BYTES = MARKDOWN_LIMIT_BYTES - 1000;
/** Kept for the reviewed plan, or for the word that it is no longer here. */
const REVIEWED_BYTES = 300;

/**
 * The page after the merge, without its marker. `standing` is the comment as it is now, its marker cut off; `plans` are
 * those made anew. What stands here counts more than what was reviewed, which goes where there is no room for both.
 */
export function outcomePage(
  cluster: string,
  lines: readonly RestoreOutcomeLine[],
  { standing, plans = [] }: { readonly standing: string; readonly plans?: readonly PlanAnew[] },
): string {
  const page = createPage(LIMIT_BYTES - REVIEWED_BYTES);
  page.add(outcomeHead(cluster, lines));
  for (const line of lines) {
    page.add(
      outcomeSection(
        line,
        plans.find(({ name }) => name === line.name),
      ),
    );
  }
  const top = page.text();
  const reviewed = `${REVIEWED}\n${FOLD}\n\n${reviewedPart(standing)}\n\n</details>\n`;
  const fits = Buffer.byteLength(top) + Buffer.byteLength(reviewed) < LIMIT_BYTES;
  return `${top}\n${fits ? reviewed : `${REVIEWED}\nThe plan as it was reviewed does not fit here any more.\n`}`;
}

/** The part of a page that says what became of it; the key of the comment is made over it. */
export function outcomeText(cluster: string, lines: readonly RestoreOutcomeLine[]): string {
  return [outcomeHead(cluster, lines), ...lines.map((line) => outcomeSection(line, undefined))].join("\n\n");
}

/** The part of a comment that was reviewed, after the merge or before it. */
export function reviewedPart(standing: string): string {
  const at = standing.indexOf(REVIEWED);
  if (at < 0) return standing.trim();
  return standing
    .slice(at + REVIEWED.length)
    .replace(FOLD, "")
    .replace(/<\/details>\s*$/, "")
    .trim();
}

function outcomeHead(cluster: string, lines: readonly RestoreOutcomeLine[]): string {
  const isOver = lines.every(({ isEnded }) => isEnded);
  const isGood = lines.every((line) => line.isGood);
  const icon = !isOver ? "⏳" : isGood ? "✅" : "❌";
  const states = lines.map(({ name, state }) => `${short(name)}: ${short(state)}`);
  const text =
    lines.length === 0 ? "Merged." : `Merged. ${states.slice(0, 10).join("; ")}${states.length > 10 ? "; …" : ""}`;
  return `### ${icon} Holdfast on cluster \`${cluster}\`\n\n**${text}**`;
}

function outcomeSection(line: RestoreOutcomeLine, plan: PlanAnew | undefined): string {
  const record =
    line.record === undefined ? "" : ` [The record](${line.record.replaceAll(/[()\s<>]/g, encodeURIComponent)}).`;
  const now = plan === undefined ? digestText(line) : planText(plan);
  return `#### Restore ${short(line.name)}: ${short(line.state)}\n\n${short(line.message, 600)}${record}${now}`;
}

function digestText({ planDigest }: RestoreOutcomeLine): string {
  if (planDigest === undefined) return "";
  return `\n\nThe plan as it is now, to put into the file:\n\n\`\`\`yaml\napproval:\n  mode: PlanDigest\n  planDigest: ${planDigest.replaceAll(/[^0-9a-f]/g, "")}\n\`\`\``;
}

function planText(plan: PlanAnew): string {
  if (plan.type === "failed") return `\n\nIts plan can't be made: ${short(plan.message, 600)} [${plan.code}]`;
  return `\n\n**The plan as it is now.** ${plannedText(plan)}\n\nIt runs once another pull request has put this digest there.`;
}
