/** The outcome of a validation as people read it: each problem with its place, the line itself, and what to do. */
import type { SourceFile } from "../api/parse.ts";
import type { Problem } from "../api/problem.ts";
import type { ValidatedTree } from "../api/validate.ts";

const RED = "\u001b[31m";
const YELLOW = "\u001b[33m";
const BOLD = "\u001b[1m";
const RESET = "\u001b[0m";

/** The longest part of a source line that is shown. */
const MAX_SHOWN = 160;

interface TextOptions {
  readonly colours: boolean;
}

/** Problems, then remarks, then one line that sums up. */
export function renderValidation(tree: ValidatedTree, files: readonly SourceFile[], options: TextOptions): string {
  const sources = new Map(files.map((file) => [file.path, file]));
  const lines = new Map<string, readonly string[]>();
  const lineOf = (problem: Problem): string | undefined => {
    const known = lines.get(problem.file) ?? splitLines(sources.get(problem.file));
    lines.set(problem.file, known);
    return known[problem.line - 1];
  };
  const blocks = [
    ...tree.problems.map((problem) => renderProblem(problem, lineOf(problem), { level: "error", ...options })),
    ...tree.warnings.map((problem) => renderProblem(problem, lineOf(problem), { level: "warning", ...options })),
    summary(tree, options),
  ];
  return blocks.join("\n\n");
}

function renderProblem(
  problem: Problem,
  source: string | undefined,
  { level, colours }: TextOptions & { readonly level: "error" | "warning" },
): string {
  const paint = (text: string, code: string): string => (colours ? `${code}${text}${RESET}` : text);
  const colour = level === "error" ? RED : YELLOW;
  const place = paint(`${problem.file}:${problem.line}:${problem.column}:`, BOLD);
  const head = `${place} ${paint(`${level}:`, colour)} ${problem.message} [${problem.code}]`;
  const gutter = String(problem.line).length;
  const shown =
    source === undefined || source === "" ? [] : excerpt(problem, source, gutter, (text) => paint(text, colour));
  const hint = problem.hint === undefined ? [] : [`${" ".repeat(gutter + 3)}= ${problem.hint}`];
  return [head, ...shown, ...hint].join("\n");
}

/** The line and a caret below the column; tabs stay tabs, so that the caret stands right. */
function excerpt(problem: Problem, source: string, gutter: number, paint: (text: string) => string): string[] {
  const start = Math.max(0, problem.column - 1 - MAX_SHOWN / 2);
  const cut = source.slice(start, start + MAX_SHOWN);
  const indent = cut.slice(0, problem.column - 1 - start).replace(/[^\t]/g, " ");
  return [`  ${problem.line} | ${cut}`, `  ${" ".repeat(gutter)} | ${indent}${paint("^")}`];
}

function splitLines(file: SourceFile | undefined): readonly string[] {
  if (file === undefined) return [];
  // Problems count lines without a byte-order mark, as the decoder drops it.
  return (
    new TextDecoder("utf-8")
      .decode(file.bytes)
      .split("\n")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal must not obey what a file holds
      .map((line) => line.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ""))
  );
}

function summary(tree: ValidatedTree, { colours }: TextOptions): string {
  const { documents, problems, warnings, ignored, files } = tree;
  const remarks = warnings.length === 0 ? "" : `, ${count(warnings.length, "warning")}`;
  const others = ignored === 0 ? "" : `, ${count(ignored, "document")} of other kinds passed over`;
  if (problems.length > 0) {
    const badFiles = new Set(problems.map(({ file }) => file)).size;
    const text = `${count(problems.length, "problem")} in ${count(badFiles, "file")}`;
    return `${colours ? `${RED}${text}${RESET}` : text}; ${count(documents.length, "document")} valid in the others${remarks}${others}`;
  }
  const nothing = documents.length === 0 ? "; nothing of Holdfast's is declared here" : "";
  return `${count(documents.length, "document")} valid in ${count(files, "file")}${remarks}${others}${nothing}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
