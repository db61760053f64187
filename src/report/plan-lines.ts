/** A plan as lines: what text for a terminal and Markdown for a pull request have in common. */
import { stringifyJson } from "../api/json.ts";
import {
  entryName,
  type FieldChange,
  PLAN_ACTIONS,
  type PlanAction,
  type PlanEntry,
  type PlannedOwner,
  type PlanSummary,
} from "./plan.ts";
import { redactEntry } from "./plan-redact.ts";

/** How a line is meant; a terminal colours by it. */
export type Tone = "add" | "change" | "remove" | "fail" | "quiet" | "warn" | "plain";

export interface PlanLine {
  readonly text: string;
  readonly tone: Tone;
}

/** The symbol in front of each action. */
export const SYMBOLS: Readonly<Record<PlanAction, string>> = {
  create: "+",
  patch: "~",
  labelsOnly: "~",
  recreate: "-/+",
  delete: "-",
  unchanged: "=",
  skip: ".",
  fail: "!",
};

const TONES: Readonly<Record<PlanAction, Tone>> = {
  create: "add",
  patch: "change",
  labelsOnly: "quiet",
  recreate: "change",
  delete: "remove",
  unchanged: "quiet",
  skip: "quiet",
  fail: "fail",
};

/** Field changes shown of one object. */
const SHOWN_CHANGES = 40;

/** The lines of one object, cut to `width` columns. Values of Secrets are digests. */
export function entryLines(entry: PlanEntry, width: number): PlanLine[] {
  const shown = redactEntry(entry);
  const symbol = SYMBOLS[entry.action].padStart(3);
  const tail = [
    entry.archivedAs === undefined ? "" : `  from ${entry.archivedAs}`,
    suffixOf(entry),
    entry.owners === undefined ? "" : `  [${entry.owners.join(", ")}]`,
  ].join("");
  const lines: PlanLine[] = [
    { text: cutTo(printable(`${symbol} ${entryName(entry)}${tail}`), width), tone: TONES[entry.action] },
  ];
  if (entry.message !== undefined)
    lines.push(...wrap(entry.message, width, entry.action === "fail" ? "fail" : "quiet"));
  for (const warning of entry.warnings ?? []) lines.push(...wrap(`warning: ${warning}`, width, "warn"));
  const changes = shown.changes ?? [];
  if (changes.length > 0 && entry.action === "skip") lines.push({ text: "      update would:", tone: "quiet" });
  for (const change of changes.slice(0, SHOWN_CHANGES))
    lines.push(...changeLines(change, width, " (only in the cluster)"));
  if (changes.length > SHOWN_CHANGES)
    lines.push({ text: `      … and ${changes.length - SHOWN_CHANGES} more fields`, tone: "quiet" });
  return lines;
}

function suffixOf({ action, reason }: PlanEntry): string {
  if (action === "labelsOnly") return "  (labels only)";
  if (action === "skip" || action === "fail") return reason === undefined ? "" : `  (${reason})`;
  return "";
}

const CHANGE_SYMBOLS = { add: "+", replace: "~", remove: "-" } as const;
const CHANGE_TONES = { add: "add", replace: "change", remove: "remove" } as const;

/**
 * One field, such as `~ /spec/replicas: 2 → 3`; where both values don't fit a line, one below the other, from shortly
 * before they differ. `gone`: what is said of a field that is taken away.
 */
export function changeLines(change: FieldChange, width: number, gone = ""): PlanLine[] {
  const mark = change.undoneBy === undefined ? "" : " [Git will undo this]";
  const head = `      ${CHANGE_SYMBOLS[change.op]} ${printable(change.path)}${mark}`;
  const tone = CHANGE_TONES[change.op];
  const [before, after] = [shownValue(change.before), shownValue(change.after)];
  const values = { add: after, remove: `${before}${gone}`, replace: `${before} → ${after}` }[change.op];
  const line = `${head}: ${values}`;
  if (change.op !== "replace" || [...line].length <= width) return [{ text: cutTo(line, width), tone }];
  const difference = firstDifference(before, after);
  return [
    { text: cutTo(`${head}:`, width), tone },
    { text: cutTo(`          - ${around(before, difference)}`, width), tone: "remove" },
    { text: cutTo(`          + ${around(after, difference)}`, width), tone: "add" },
  ];
}

/** Code units before a difference that are shown with it. */
const CONTEXT = 16;
/** Values are cut at the front only where the difference would else be out of sight. */
const SHOWN_FROM_START = 48;

function around(value: string, difference: number): string {
  return difference <= SHOWN_FROM_START ? value : `…${value.slice(difference - CONTEXT)}`;
}

function firstDifference(a: string, b: string): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index++;
  return index;
}

/** What becomes of the owners, and then every other remark on the whole plan. */
export function planNotes(summary: PlanSummary): readonly string[] {
  const { removedFields, undoneFields = 0 } = summary;
  const undone = `Git will undo ${undoneFields} of the fields that are set: \`holdfast restore followup\` writes what Git would have to hold`;
  return [
    ...(summary.owners ?? []).map(ownerNote),
    ...(undoneFields > 0 ? [undone] : []),
    ...summary.notes,
    ...(removedFields > 0 ? [`${counted(removedFields, "field")} only in the cluster would be removed`] : []),
  ];
}

function ownerNote({ owner, action, how, objects, message }: PlannedOwner): string {
  const heads: Readonly<Record<PlannedOwner["action"], string>> = {
    pause: `${owner} is paused while this runs (${how ?? ""})`,
    paused: `${owner} is paused already, and stays so`,
    ignore: `${owner} is not paused (gitOpsOwners: Ignore) and may undo this at once`,
    refuse: `nothing will be restored because of ${owner}`,
  };
  const owned = objects === 0 ? "" : `; it applies ${objects} of the objects`;
  return `${heads[action]}${owned}${message === undefined ? "" : `: ${message}`}`;
}

/** `1 field`, `2 fields`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The line that says it all, such as `Plan: 3 to create, 1 to patch, 12 unchanged.` */
export function totalsLine(summary: Pick<PlanSummary, "totals">): string {
  const words: Readonly<Record<PlanAction, string>> = {
    create: "to create",
    patch: "to patch",
    labelsOnly: "to label",
    recreate: "to recreate",
    delete: "to delete",
    unchanged: "unchanged",
    skip: "skipped",
    fail: "will fail",
  };
  const parts = PLAN_ACTIONS.filter((action) => summary.totals[action] > 0).map(
    (action) => `${summary.totals[action]} ${words[action]}`,
  );
  return parts.length === 0
    ? "Plan: nothing to do: no object of the backup is selected."
    : `Plan: ${parts.join(", ")}.`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text that can't move a cursor, break a line, turn its direction, or be taken for a command of a CI log. */
export function printable(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, " ")
    .replace(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("##[", "# #[");
}

/** Cut to so many columns; code points, which is near enough for names and JSON. */
export function cutTo(text: string, width: number): string {
  const points = [...text];
  return points.length <= width ? text : `${points.slice(0, Math.max(1, width - 1)).join("")}…`;
}

function shownValue(value: unknown): string {
  return value === undefined ? "" : printable(stringifyJson(value));
}

/** A text over as many lines as it takes, indented; words longer than a line are cut. */
function wrap(text: string, width: number, tone: Tone): PlanLine[] {
  return wrapped(text, width - 6).map((line) => ({ text: cutTo(`      ${line}`, width), tone }));
}

/** The words of a text in lines of so many columns; a longer word has a line of its own. None for an empty text. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line !== "" && [...line].length + [...word].length + 1 > width) {
      lines.push(inert(line));
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, inert(line)];
}

/** A CI log takes a line that begins with two colons, whatever blanks are before them, for a command. */
function inert(line: string): string {
  return line.startsWith("::") ? `·${line}` : line;
}
