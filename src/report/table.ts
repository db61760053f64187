/** Plain tables and `Name:  value` lists for a terminal. */
import { cutTo, printable } from "./plan-lines.ts";

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

/** One `Title:  value` line; further values stand below the first. Nothing for an empty list. */
export function field(title: string, value: string | readonly string[], width: number): string {
  const values = typeof value === "string" ? [value] : value;
  const indent = Math.max(14, title.length + 3);
  return values
    .map(
      (text, index) =>
        `${(index === 0 ? `${title}:` : "").padEnd(indent)}${cutTo(printable(text), Math.max(20, width - indent))}\n`,
    )
    .join("");
}
