/** The audit as one page: no script, no style sheet or font from elsewhere, so that it can be filed and mailed. */
import { type AuditReport, isClean } from "./audit.ts";
import { whoOf } from "./audit-text.ts";
import { timelineSvg } from "./audit-timeline.ts";
import { escapeHtml } from "./escape-html.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9dce0; --bad: #c62a2f; --good: #18794e; --part: #ad5700; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #a0a4ab; --line: #363a3f; --bad: #ff9592; --good: #3dd68c; --part: #ffa057; --paper: #18191b; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead { color: var(--soft); margin-top: .2rem; } .bad { color: var(--bad); } .good { color: var(--good); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; max-width: 24rem; }
th { color: var(--soft); font-weight: 600; } code { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: break-word; }
figure { margin: 1rem 0; overflow-x: auto; } svg { width: 100%; height: auto; min-width: 40rem; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .lane { stroke: var(--line); } svg .gap { fill: var(--bad); opacity: .28; } svg .Completed { fill: var(--good); } svg .Failed { fill: var(--bad); } svg .PartiallyFailed { fill: var(--part); } svg .change { stroke: var(--ink); stroke-dasharray: 3 3; }
@media print { body { margin: 0; max-width: none; } }
`;

/** A self-contained page. Everything in it that came from outside is escaped. */
export function auditHtml(report: AuditReport): string {
  const { cluster, since, until } = report;
  const verdict = isClean(report)
    ? '<b class="good">Nothing is amiss.</b>'
    : '<b class="bad">Something wants a look.</b>';
  const body = [
    `<h1>Backups of ${escapeHtml(cluster)}</h1>`,
    `<p class="lead">Audit by Holdfast, ${since} to ${until}. ${verdict}</p>`,
    `<figure>${timelineSvg(report)}</figure>`,
    `<p class="lead">A dot is a backup (green Completed, orange PartiallyFailed, red Failed), a red band a time without a Completed one, a dashed line a change of a policy.</p>`,
    ...tables(report),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Backups of ${escapeHtml(cluster)}</title>
<style>${STYLE}</style>
</head>
<body>
${body.join("\n")}
</body>
</html>
`;
}

function tables({ changes, revisions, gaps, uncoveredNamespaces, findings }: AuditReport): string[] {
  return [
    "<h2>Gaps against the schedule</h2>",
    table(
      ["Policy", "Schedule", "From", "To", "Missed slots", "Ended otherwise"],
      gaps.map((gap) => [
        gap.policy,
        gap.schedule,
        gap.from,
        gap.to ?? "open",
        `${gap.missedSlots}`,
        gap.failed.join(", "),
      ]),
    ),
    "<h2>Namespaces that no policy covers</h2>",
    uncoveredNamespaces === undefined
      ? "<p>Not looked at: no cluster was asked.</p>"
      : table(
          ["Namespace"],
          uncoveredNamespaces.map((name) => [name]),
        ),
    "<h2>Bucket, cluster and Git</h2>",
    findings === undefined
      ? "<p>Not compared.</p>"
      : table(
          ["Finding"],
          findings.map((finding) => [finding]),
        ),
    "<h2>Changes</h2>",
    table(
      ["Time", "Commit", "What", "Object", "By", "Subject", "Fields"],
      changes.map((change) => [
        change.time,
        change.commit.slice(0, 12),
        change.type,
        change.object,
        whoOf(change),
        change.subject,
        change.fields.join(" "),
      ]),
    ),
    "<h2>Backups by revision of their policy</h2>",
    table(
      ["Policy", "Revision", "Backup", "Schedule", "Phase", "Started", "Completed"],
      revisions.flatMap(({ policy, revision, backups }) =>
        backups.map(({ name, schedule, phase, started, completed, gone }) => [
          policy === "" ? "on demand" : policy,
          revision.slice(0, 12),
          name,
          schedule,
          gone ? `${phase}, no longer in the bucket` : phase,
          started,
          completed,
        ]),
      ),
    ),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "<p>None.</p>";
  const cells = (tag: string, values: readonly string[]): string =>
    `<tr>${values.map((value) => `<${tag}>${tag === "td" ? `<code>${escapeHtml(value)}</code>` : escapeHtml(value)}</${tag}>`).join("")}</tr>`;
  return `<table>\n${cells("th", head)}\n${rows.map((row) => cells("td", row)).join("\n")}\n</table>`;
}
