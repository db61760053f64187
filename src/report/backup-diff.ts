/** Differences between backups, and the history of one object, as text; values of Secrets redacted unless asked for. */
import type { FieldChange } from "./plan.ts";
import { changeLines, type PlanLine, printable, type Tone } from "./plan-lines.ts";
import { redactChange } from "./plan-redact.ts";
import { painted } from "./plan-text.ts";

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

const HEADS: Readonly<Record<DiffEntry["type"], { readonly symbol: string; readonly tone: Tone }>> = {
  added: { symbol: "+", tone: "add" },
  removed: { symbol: "-", tone: "remove" },
  changed: { symbol: "~", tone: "change" },
};

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
  const { symbol, tone } = HEADS[entry.type];
  // not cut: a name is there to be copied
  const head: PlanLine = { text: printable(`  ${symbol} ${entry.kind} ${name}`), tone };
  return painted([head], options.colours) + changesText(entry.changes ?? [], options);
}

/** Fields, such as `      ~ /spec/replicas: 2 → 3`. */
export function changesText(changes: readonly FieldChange[], { width, colours }: DiffTextOptions): string {
  return painted(
    changes.flatMap((change) => changeLines(change, width)),
    colours,
  );
}

/** `2 added, 1 removed, 3 changed`, or that there is nothing. */
export function diffTotals(counts: Readonly<Record<DiffEntry["type"], number>>): string {
  const parts = (["added", "removed", "changed"] as const)
    .filter((type) => counts[type] > 0)
    .map((type) => `${counts[type]} ${type}`);
  return parts.length === 0 ? "No differences." : `${parts.join(", ")}.`;
}
