import { type AuditReport, isClean } from "./audit.ts";
import { textTable } from "./table.ts";

/** The audit for a terminal. */
export function auditText(report: AuditReport): string {
  const { cluster, since, until, changes, revisions, gaps, uncoveredNamespaces, findings } = report;
  const sections = [
    `Audit of ${cluster}, ${since} to ${until}: ${isClean(report) ? "nothing is amiss" : "something wants a look"}\n`,
    section("Changes", changes, () =>
      textTable(
        ["TIME", "COMMIT", "WHAT", "OBJECT", "BY", "FIELDS"],
        changes.map((change) => [
          change.time,
          change.commit.slice(0, 12),
          change.type,
          change.object,
          whoOf(change),
          change.fields.join(" "),
        ]),
      ),
    ),
    section("Backups by revision of their policy", revisions, () =>
      textTable(
        ["POLICY", "REVISION", "BACKUPS", "COMPLETED", "FIRST", "LAST"],
        revisions.map(({ policy, revision, backups }) => [
          policy === "" ? "(on demand)" : policy,
          revision.slice(0, 12),
          `${backups.length}`,
          `${backups.filter(({ phase }) => phase === "Completed").length}`,
          backups[0]?.started ?? "",
          backups.at(-1)?.started ?? "",
        ]),
      ),
    ),
    section("Gaps against the schedule", gaps, () =>
      textTable(
        ["POLICY", "SCHEDULE", "FROM", "TO", "MISSED", "FAILED"],
        gaps.map((gap) => [
          gap.policy,
          gap.schedule,
          gap.from,
          gap.to ?? "(open)",
          `${gap.missedSlots}`,
          gap.failed.join(", "),
        ]),
      ),
    ),
    listed("Namespaces that no policy covers", uncoveredNamespaces, "not looked at: no cluster was asked"),
    listed("Bucket, cluster and Git", findings, "not compared: give --verify"),
  ];
  return sections.join("\n");
}

/** Who wrote a change, and who merged it. */
export function whoOf({
  authors,
  mergedBy,
}: {
  readonly authors: readonly string[];
  readonly mergedBy?: string;
}): string {
  return `${authors.join(", ")}${mergedBy === undefined ? "" : ` (merged by ${mergedBy})`}`;
}

function section(title: string, rows: readonly unknown[], render: () => string): string {
  return `${title}\n${rows.length === 0 ? "  none\n" : render()}`;
}

function listed(title: string, lines: readonly string[] | undefined, absent: string): string {
  if (lines === undefined) return `${title}\n  ${absent}\n`;
  return section(title, lines, () => lines.map((line) => `  ${line}\n`).join(""));
}
