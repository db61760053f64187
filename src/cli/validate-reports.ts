/** The outcome of a validation as code forges read it: SARIF 2.1.0, and GitHub's workflow commands. */
import type { Problem } from "../api/problem.ts";
import type { ValidatedTree } from "../api/validate.ts";
import { HOLDFAST_VERSION } from "../api/version.ts";

/**
 * One SARIF run. Paths are relative to where the command ran, with `/`, as code scanning wants them.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function sarifReport({ problems, warnings }: ValidatedTree): object {
  const rules = [...new Set([...problems, ...warnings].map(({ code }) => code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "holdfast validate",
            version: HOLDFAST_VERSION,
            rules: rules.map((id) => ({ id, shortDescription: { text: id.replace(/(?<=[a-z])(?=[A-Z])/g, " ") } })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: [
          ...problems.map((problem) => sarifResult(problem, "error")),
          ...warnings.map((problem) => sarifResult(problem, "warning")),
        ],
      },
    ],
  };
}

function sarifResult(problem: Problem, level: "error" | "warning"): object {
  const { code, file, line, column } = problem;
  return {
    ruleId: code,
    level,
    message: { text: textOf(problem) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file.replace(/^\.\//, "").split("/").map(encodeURIComponent).join("/") },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  };
}

/** One `::error` or `::warning` command a line; GitHub shows them at the lines of a pull request. */
export function gitHubAnnotations({ problems, warnings }: ValidatedTree): string {
  return [
    ...problems.map((problem) => annotation("error", problem)),
    ...warnings.map((problem) => annotation("warning", problem)),
  ].join("\n");
}

function annotation(level: string, problem: Problem): string {
  const { code, file, line, column } = problem;
  const at = `file=${property(file)},line=${line},col=${column},title=${property(code)}`;
  return `::${level} ${at}::${message(textOf(problem))}`;
}

function textOf({ message: text, hint }: Problem): string {
  return hint === undefined ? text : `${text} (${hint})`;
}

/** As GitHub's own toolkit escapes: nothing in a value can end it, or begin another command. */
function message(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return message(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
