import type { AuditReport } from "./audit.ts";
import { whoOf } from "./audit-text.ts";

const COLUMNS = ["event", "time", "until", "object", "schedule", "state", "revision", "who", "detail"] as const;
type Row = Partial<Record<(typeof COLUMNS)[number], string>>;

/** One line for each event of an audit, in the order of time (RFC 4180). */
export function auditCsv(report: AuditReport): string {
  const rows = eventRows(report).sort((a, b) => ((a.time ?? "") < (b.time ?? "") ? -1 : 1));
  return [COLUMNS.join(","), ...rows.map((row) => COLUMNS.map((name) => cell(row[name] ?? "")).join(","))]
    .map((line) => `${line}\r\n`)
    .join("");
}

function eventRows({ changes, revisions, gaps, uncoveredNamespaces = [], findings = [], until }: AuditReport): Row[] {
  return [
    ...changes.map((change) => ({
      event: "change",
      time: change.time,
      object: change.object,
      state: change.type,
      revision: change.commit,
      who: whoOf(change),
      detail: [change.subject, ...change.fields].join(" "),
    })),
    ...revisions.flatMap(({ policy, revision, backups }) =>
      backups.map(({ name, schedule, phase, started, completed, gone }) => ({
        event: "backup",
        time: started,
        until: completed,
        object: name,
        schedule,
        state: gone ? `${phase}, gone` : phase,
        revision,
        detail: policy,
      })),
    ),
    ...gaps.map(({ policy, schedule, from, to = "", missedSlots, failed }) => ({
      event: "gap",
      time: from,
      until: to,
      object: policy,
      schedule,
      state: to === "" ? "open" : "closed",
      detail: [`${missedSlots} slots missed`, ...failed].join("; "),
    })),
    ...uncoveredNamespaces.map((object) => ({ event: "uncovered", time: until, object })),
    ...findings.map((detail) => ({ event: "finding", time: until, detail })),
  ];
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe in front: names come from commits. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
