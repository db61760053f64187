/** What became of the restores of a merged pull request: put above the plan that was reviewed. */
import { MARKDOWN_LIMIT_BYTES, short } from "./plan-markdown.ts";
import { createPage } from "./pull-request-page.ts";

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

/** Where the reviewed plan begins: everything below it is kept as it was. */
const REVIEWED = "<!-- holdfast:reviewed -->";
const FOLD = "<details><summary>The plan as it was reviewed</summary>";

/** The page after the merge, without its marker. `standing` is the comment as it is now, its marker cut off. */
export function outcomePage(cluster: string, lines: readonly RestoreOutcomeLine[], standing: string): string {
  const reviewed = reviewedPart(standing);
  const page = createPage(MARKDOWN_LIMIT_BYTES - 1000);
  page.add(outcomeHead(cluster, lines));
  for (const line of lines) page.add(outcomeSection(line));
  page.add(`${REVIEWED}\n${FOLD}\n\n${reviewed}\n\n</details>`);
  return page.text();
}

/** The part of a page that says what became of it; the key of the comment is made over it. */
export function outcomeText(cluster: string, lines: readonly RestoreOutcomeLine[]): string {
  return [outcomeHead(cluster, lines), ...lines.map(outcomeSection)].join("\n\n");
}

function reviewedPart(standing: string): string {
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

function outcomeSection(line: RestoreOutcomeLine): string {
  const record =
    line.record === undefined ? "" : ` [The record](${line.record.replaceAll(/[()\s<>]/g, encodeURIComponent)}).`;
  const digest =
    line.planDigest === undefined
      ? ""
      : `\n\nThe plan as it is now, to put into the file:\n\n\`\`\`yaml\napproval:\n  mode: PlanDigest\n  planDigest: ${line.planDigest.replaceAll(/[^0-9a-f]/g, "")}\n\`\`\``;
  return `#### Restore ${short(line.name)}: ${short(line.state)}\n\n${short(line.message, 600)}${record}${digest}`;
}
