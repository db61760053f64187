/** A plan for a terminal, line by line as it is made: symbols as Terraform has them, unchanged objects only counted. */
import { headerMode, type PlanEntry, type PlanHeader, type PlanSummary } from "./plan.ts";
import {
  cutTo,
  entryLines,
  type PlanLine,
  planNotes,
  printable,
  type Tone,
  totalsLine,
  wrapped,
} from "./plan-lines.ts";

export interface PlanTextOptions {
  /** Columns; longer lines are cut. */
  readonly width: number;
  readonly colours: boolean;
  /** True: unchanged objects are listed too. */
  readonly showUnchanged?: boolean;
}

/** Prints a plan piece by piece. Each method returns whole lines, or "". */
export interface PlanTextRenderer {
  header(header: PlanHeader): string;
  entry(entry: PlanEntry): string;
  end(summary: PlanSummary): string;
}

const ANSI: Readonly<Record<Tone, string>> = {
  add: "\u001b[32m",
  change: "\u001b[33m",
  remove: "\u001b[31m",
  fail: "\u001b[1;31m",
  quiet: "\u001b[2m",
  warn: "\u001b[33m",
  plain: "",
};
const RESET = "\u001b[0m";
const BOLD = "\u001b[1m";

/** Starts printing one plan. */
export function createPlanTextRenderer(options: PlanTextOptions): PlanTextRenderer {
  const { width, colours } = options;
  let unchanged = 0;
  const print = (lines: readonly PlanLine[]): string => painted(lines, colours);
  const flush = (): PlanLine[] => {
    if (unchanged === 0) return [];
    const text = `  = ${unchanged} unchanged`;
    unchanged = 0;
    return [{ text, tone: "quiet" }];
  };
  return {
    header: (header) => print([...headerLines(header, width), { text: "", tone: "plain" }]),
    entry: (entry) => {
      if (entry.action === "unchanged" && options.showUnchanged !== true && (entry.warnings ?? []).length === 0) {
        unchanged++;
        return "";
      }
      return print([...flush(), ...entryLines(entry, width)]);
    },
    end: (summary) => {
      const total = wrapped(totalsLine(summary), width).join("\n");
      const lines: PlanLine[] = [...flush(), { text: "", tone: "plain" }, ...noteLines(summary, width)];
      const digest: PlanLine = { text: `Plan digest: ${summary.digest}`, tone: "quiet" };
      return `${print(lines)}${colours ? `${BOLD}${total}${RESET}` : total}\n${print([digest])}`;
    },
  };
}

/** Lines for a terminal, each with a newline. */
export function painted(lines: readonly PlanLine[], colours: boolean): string {
  const paint = ({ text, tone }: PlanLine): string =>
    colours && ANSI[tone] !== "" ? `${ANSI[tone]}${text}${RESET}` : text;
  return lines.map((line) => `${paint(line)}\n`).join("");
}

function headerLines(header: PlanHeader, width: number): PlanLine[] {
  const mapping = Object.entries(header.namespaceMapping ?? {}).map(([from, to]) => `${from} → ${to}`);
  const mode = headerMode(header);
  const facts = [
    `Restore plan ${header.plan}`,
    `  backup             ${header.backup}${header.location === undefined ? "" : ` in ${header.location}`}`,
    `  ${mode.label.padEnd(19)}${mode.value}`,
    ...(mapping.length === 0 ? [] : [`  namespaces         ${mapping.join(", ")}`]),
  ];
  return facts.map((text) => ({ text: cutTo(printable(text), width), tone: "plain" }));
}

function noteLines(summary: PlanSummary, width: number): PlanLine[] {
  return planNotes(summary).flatMap((note) =>
    wrapped(`note: ${note}`, width - 6).map((line, index) => ({
      text: cutTo(index === 0 ? line : `      ${line}`, width),
      tone: "warn",
    })),
  );
}
