/** Plain tables, `Name:  value` lists and lists behind dashes, for a terminal. */
import { printable, wrapped } from "./plan-lines.ts";

/** Columns aligned by two spaces; the last one is not padded. An empty cell is `<none>` where kubectl writes it so. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => printable(cell === "" ? "<none>" : cell)));
  const widths = head.map((_title, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === head.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** One `Title:  value` line; further values, and what does not fit the width, stand below. Nothing for an empty list. */
export function field(title: string, value: string | readonly string[], width: number): string {
  const values = typeof value === "string" ? [value] : value;
  const indent = Math.max(14, title.length + 3);
  return values
    .flatMap((text) => fitted(text, width - indent))
    .map((line, index) => `${(index === 0 ? `${title}:` : "").padEnd(indent)}${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** Each text behind a dash of its own, going on below itself where it does not fit the width. */
export function bullets(texts: readonly string[], width: number): string {
  return texts
    .flatMap((text) => fitted(text, width - 6).map((line, index) => `${index === 0 ? "    - " : "      "}${line}`))
    .map((line) => `${line}\n`)
    .join("");
}

/** Words are never cut: a name is there to be copied. */
function fitted(text: string, width: number): string[] {
  const lines = wrapped(text, Math.max(20, width));
  return lines.length === 0 ? [""] : lines;
}
