/** A plan for a pull request: at most 60,000 bytes whatever it holds, and nothing in it can act. */
import { headerMode, PLAN_ACTIONS, type PlanEntry, type PlanHeader, type PlanSummary } from "./plan.ts";
import { cutTo, entryLines, planNotes, printable, totalsLine } from "./plan-lines.ts";

/** Forges refuse longer comments (GitHub: 65,536 characters); what is posted around the plan needs some room too. */
export const MARKDOWN_LIMIT_BYTES = 60_000;

/** Columns of the diff block: wider ones scroll on a pull request page. */
const WIDTH = 120;
/** Kept for the head, the totals, the notes and the last line. */
const RESERVED_BYTES = 23_000;
/** What a block has around its lines: tags, title, and two fences, each longer than the longest line. */
const EMPTY_BLOCK_BYTES = 500;
const NOTES = 12;
/** Characters of one text outside the blocks; escaped, each may take six bytes. */
const TEXT_LENGTH = 160;
const NOTE_LENGTH = 240;

/** Gathers a plan as Markdown. Entries beyond the limit are counted, the most important ones go first. */
export interface PlanMarkdownRenderer {
  entry(entry: PlanEntry): void;
  end(header: PlanHeader, summary: PlanSummary): string;
}

/** Failures first, then what is written, then what stays different. */
const SECTIONS: readonly { readonly title: string; readonly actions: readonly string[]; readonly open: boolean }[] = [
  { title: "Will fail", actions: ["fail"], open: true },
  { title: "Changes", actions: ["patch", "recreate", "delete"], open: true },
  { title: "New objects", actions: ["create"], open: true },
  { title: "Left as they are, and different", actions: ["skip"], open: false },
  { title: "Labels only", actions: ["labelsOnly"], open: false },
];

/** Starts one plan. Memory is bounded by the limit: what no longer fits is only counted. */
export function createPlanMarkdownRenderer(limitBytes: number = MARKDOWN_LIMIT_BYTES): PlanMarkdownRenderer {
  const blocks = createPlanBlocks(limitBytes - RESERVED_BYTES);
  return {
    entry: blocks.entry,
    end: (header, summary) => cut(`${[head(header, summary), blocks.text()].filter(Boolean).join("\n")}\n`, limitBytes),
  };
}

/** The objects of a plan in collapsible blocks, without the head: a part of a larger page. */
export interface PlanBlocks {
  entry(entry: PlanEntry): void;
  /** At most the budget, and "" where nothing happens. */
  text(): string;
}

/** Starts the blocks of one plan. Memory is bounded by the budget: what no longer fits is only counted. */
export function createPlanBlocks(budgetBytes: number): PlanBlocks {
  const sections = SECTIONS.map((section) => ({ ...section, lines: [] as string[], bytes: 0, left: 0, count: 0 }));
  return {
    entry: (entry) => {
      const section = sections.find(({ actions }) => actions.includes(entry.action));
      if (section === undefined) return;
      section.count++;
      const text = entryLines(entry, WIDTH).map((line) => diffLine(line.text));
      const bytes = Buffer.byteLength(text.join("\n")) + 1;
      if (section.bytes + bytes > budgetBytes) {
        section.left++;
        return;
      }
      section.lines.push(...text);
      section.bytes += bytes;
    },
    text: () => {
      const parts: string[] = [];
      const shown = sections.filter(({ count }) => count > 0);
      // a block without a line still says how many objects it stands for
      let room = budgetBytes - shown.length * EMPTY_BLOCK_BYTES;
      for (const section of shown) {
        const block = blockOf(section, room);
        parts.push(block);
        room -= Math.max(0, Buffer.byteLength(block) - EMPTY_BLOCK_BYTES);
      }
      return parts.join("\n");
    },
  };
}

interface Section {
  readonly title: string;
  readonly open: boolean;
  readonly lines: readonly string[];
  readonly left: number;
  readonly count: number;
}

/** Colours of a diff come from the first character of a line. */
function diffLine(text: string): string {
  const [, indent = "", symbol = "", rest = ""] = /^(\s*)(-\/\+|[-+~!=.]?)(.*)$/s.exec(text) ?? [];
  const first =
    symbol === ""
      ? " "
      : symbol === "~" || symbol === "-/+"
        ? "!"
        : symbol === "." || symbol === "="
          ? " "
          : symbol === "!"
            ? "-"
            : symbol;
  return `${first} ${indent}${symbol}${rest}`;
}

function blockOf(section: Section, room: number): string {
  const lines: string[] = [];
  let bytes = 0;
  for (const line of section.lines) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes <= room) lines.push(line);
  }
  const dropped = section.lines.length - lines.length;
  const more = section.left > 0 || dropped > 0 ? [`  … not everything fits here: ${section.count} objects in all`] : [];
  const fence = fenceFor(lines);
  const body = [`${fence}diff`, ...lines, ...more, fence].join("\n");
  return `<details${section.open ? " open" : ""}><summary>${section.title} (${section.count})</summary>\n\n${body}\n\n</details>`;
}

/** Longer than any run of backticks inside, so that nothing inside can end it. */
function fenceFor(lines: readonly string[]): string {
  let longest = 2;
  for (const line of lines) for (const [run] of line.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return "`".repeat(longest + 1);
}

function head(header: PlanHeader, summary: PlanSummary): string {
  const mapping = Object.entries(header.namespaceMapping ?? {}).map(([from, to]) => `${from} → ${to}`);
  const rows = PLAN_ACTIONS.filter((action) => summary.totals[action] > 0);
  const notes = planNotes(summary);
  const mode = headerMode(header);
  return [
    `### Restore plan ${short(header.plan)}`,
    "",
    `Backup ${short(header.backup)}${header.location === undefined ? "" : ` in ${short(header.location)}`}, ${mode.label}: ${short(mode.value)}${mapping.length === 0 ? "" : `, namespaces: ${short(mapping.join(", "))}`}`,
    "",
    `**${totalsLine(summary)}**`,
    "",
    ...(rows.length === 0
      ? []
      : [
          `| ${rows.join(" | ")} |`,
          `|${rows.map(() => "---:").join("|")}|`,
          `| ${rows.map((action) => summary.totals[action]).join(" | ")} |`,
          "",
        ]),
    ...notes.slice(0, NOTES).map((note) => `- ${escapeMarkdown(cutTo(note, NOTE_LENGTH))}`),
    ...(notes.length > NOTES ? [`- … and ${notes.length - NOTES} more notes`] : []),
    "",
    `Plan digest: \`${summary.digest}\``,
    "",
  ].join("\n");
}

/** One text of a page, cut to so many characters, without anything that acts. */
export function short(text: string, length: number = TEXT_LENGTH): string {
  return escapeMarkdown(cutTo(text, length));
}

/**
 * Text that stays text: no markup, no HTML, no mention, no reference to an issue, no image. Forges look for mentions and
 * references in what they have rendered, where an escaped `@` is one again: a space without width takes its name away.
 */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/[@#!$%&~](?=[\p{L}\p{N}_])/gu, "$&\u200b")
    .replace(/[&<>"'@#`]/g, (found) => `&#${found.charCodeAt(0)};`)
    .replace(/[\\*_{}[\]()!|~]/g, (found) => `\\${found}`)
    .replace(/:\/\//g, ":&#8203;//")
    .replace(/::/g, ":&#58;"); // a line of a CI log that begins with two colons is a command
}

/** The last resort: whole characters, and any open block closed. */
function cut(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limitBytes) return text;
  let end = limitBytes - 100;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString("utf8")}\n`;
}
