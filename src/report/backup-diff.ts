/** Differences between backups, and the history of one object, as text; values of Secrets redacted unless asked for. */
import { stringifyJson } from "../api/json.ts";
import type { FieldChange } from "./plan.ts";
import { cutTo, printable } from "./plan-lines.ts";
import { redactChange } from "./plan-redact.ts";

/** One object that differs. */
export interface DiffEntry {
  readonly type: "added" | "removed" | "changed";
  readonly resource: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly changes?: readonly FieldChange[];
}

export interface DiffTextOptions {
  readonly width: number;
  readonly colours: boolean;
}

const SYMBOLS = { added: "+", removed: "-", changed: "~", add: "+", remove: "-", replace: "~" } as const;
const ANSI: Readonly<Record<string, string>> = { "+": "\u001b[32m", "-": "\u001b[31m", "~": "\u001b[33m" };

/** The entry as it may be shown: of a Secret neither values nor digests, which a list of passwords could be tried against. */
export function redactDiff<T extends Redactable>(entry: T): Omit<T, "content"> {
  if (entry.kind !== "Secret") return entry;
  const { content: _content, ...rest } = entry;
  const changes = entry.changes?.map((change) => redactChange(change));
  return changes === undefined ? rest : { ...rest, changes };
}

/** What shows the values of an object, or a digest of it. */
interface Redactable {
  readonly kind: string;
  readonly changes?: readonly FieldChange[];
  readonly content?: string;
}

/** Lines for one object and its fields, each with a newline. */
export function diffEntryText(entry: DiffEntry, options: DiffTextOptions): string {
  const name = entry.namespace === "" ? entry.name : `${entry.namespace}/${entry.name}`;
  const head = line(SYMBOLS[entry.type], `${entry.kind} ${name}`, 2, options);
  return head + (entry.changes ?? []).map((change) => fieldChangeText(change, options)).join("");
}

/** One field, such as `    ~ /spec/replicas: 2 → 3`. */
export function fieldChangeText(change: FieldChange, options: DiffTextOptions): string {
  const before = "before" in change ? printable(stringifyJson(change.before ?? null)) : undefined;
  const after = "after" in change ? printable(stringifyJson(change.after ?? null)) : undefined;
  const values = [before, after].filter((value) => value !== undefined).join(" → ");
  return line(SYMBOLS[change.op], `${printable(change.path)}: ${values}`, 6, options);
}

/** `2 added, 1 removed, 3 changed`, or that there is nothing. */
export function diffTotals(counts: Readonly<Record<DiffEntry["type"], number>>): string {
  const parts = (["added", "removed", "changed"] as const)
    .filter((type) => counts[type] > 0)
    .map((type) => `${counts[type]} ${type}`);
  return parts.length === 0 ? "No differences." : `${parts.join(", ")}.`;
}

function line(symbol: string, text: string, indent: number, { width, colours }: DiffTextOptions): string {
  const cut = cutTo(`${" ".repeat(indent)}${symbol} ${text}`, width);
  return colours ? `${ANSI[symbol] ?? ""}${cut}\u001b[0m\n` : `${cut}\n`;
}
