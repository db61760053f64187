import type { ObjectLine, StatusReport } from "./status-report.ts";

/** One section of the screen: a head and its rows. */
interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What stands there without rows. */
  readonly empty: string;
}

/** The report as columns for a terminal. */
export function statusText(report: StatusReport): string {
  return sections(report)
    .map(({ title, head, rows, empty }) => `${title}\n${rows.length === 0 ? `  ${empty}` : columns([head, ...rows])}`)
    .join("\n\n");
}

/** The report as Markdown tables. */
export function statusMarkdown(report: StatusReport): string {
  return sections(report)
    .map(({ title, head, rows, empty }) => {
      const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cellText).join(" | ")} |`);
      return `## ${title}\n\n${rows.length === 0 ? empty : lines.join("\n")}`;
    })
    .join("\n\n");
}

function sections(report: StatusReport): Section[] {
  return [
    {
      title: "Sources",
      head: ["NAME", "READY", "REVISION", "PROBLEMS", "REPOSITORY", "STATUS"],
      rows: report.sources.map((line) => [
        line.name,
        ready(line),
        line.revision?.slice(0, 12) ?? "-",
        String(line.problems),
        line.url,
        line.message,
      ]),
      empty: "No GitSource in the cluster (a source given by --repo is no object; see the record's README).",
    },
    {
      title: "Locations",
      head: ["NAME", "PHASE", "BACKUPS", "DEFAULT", "STATUS"],
      rows: report.locations.map((line) => [
        line.name,
        line.phase,
        String(line.backups),
        line.isDefault ? "yes" : "",
        line.message,
      ]),
      empty: "None: backups have nowhere to go.",
    },
    {
      title: "Policies",
      head: ["NAME", "SCHEDULE", "READY", "LAST", "PHASE", "LAST SUCCESS", "NEXT"],
      rows: report.schedules.map((line) => [
        line.name,
        line.schedule,
        line.ready ? "True" : `False (${line.reason})`,
        line.lastBackup ?? "-",
        line.lastPhase ?? "-",
        line.lastSuccess ?? "never",
        line.suspended ? "suspended" : (line.nextRun ?? "-"),
      ]),
      empty: "None: nothing is backed up by itself.",
    },
    {
      title: "Stale",
      head: ["POLICY", "SCHEDULE", "LAST SUCCESS", "WHY"],
      rows: report.stale.map((line) => [line.policy, line.schedule, line.lastSuccess ?? "never", line.message]),
      empty: "Nothing is stale.",
    },
    {
      title: "Restores",
      head: ["NAME", "PHASE", "BACKUP", "OBJECTS", "STATUS"],
      rows: report.restores.map((line) => [
        line.name,
        line.phase,
        line.backup ?? "-",
        line.total === 0 ? "-" : `${line.done}/${line.total}`,
        line.message,
      ]),
      empty: "None.",
    },
  ];
}

function ready(line: ObjectLine): string {
  return line.ready ? "True" : "False";
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ")}`.trimEnd())
    .join("\n");
}

function cellText(text: string): string {
  return text.replaceAll(/\r?\n/g, " ").replaceAll(/[|<>`]/g, (mark) => `\\${mark}`);
}
