import type { AuditReport } from "./audit.ts";
import { escapeHtml } from "./escape-html.ts";

const WIDTH = 1100;
const LEFT = 210;
const LANE = 26;
const TOP = 24;
const TICKS = 6;

/** A lane for each schedule: its backups as dots, its gaps as bands, changes of its policy as dashed lines. */
export function timelineSvg(report: AuditReport): string {
  const [fromMs, untilMs] = [Date.parse(report.since), Date.parse(report.until)];
  const x = (time: string): number => {
    const share = (Date.parse(time) - fromMs) / Math.max(1, untilMs - fromMs);
    return Math.round((LEFT + Math.min(1, Math.max(0, share)) * (WIDTH - LEFT - 12)) * 10) / 10;
  };
  const lanes = lanesOf(report);
  const height = TOP + Math.max(1, lanes.length) * LANE + 8;
  const parts = [
    ...ticks(fromMs, untilMs, x, height),
    ...lanes.flatMap((lane, index) => laneParts(report, lane, { x, y: TOP + index * LANE })),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Backups, gaps and changes over time">${parts.join("")}</svg>`;
}

interface Lane {
  readonly policy: string;
  readonly schedule: string;
}

function lanesOf({ revisions, gaps }: AuditReport): readonly Lane[] {
  const lanes = new Map<string, Lane>();
  const add = (policy: string, schedule: string): void => void lanes.set(`${policy} ${schedule}`, { policy, schedule });
  for (const { policy, backups } of revisions) for (const { schedule } of backups) add(policy, schedule);
  for (const { policy, schedule } of gaps) add(policy, schedule);
  return [...lanes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, lane]) => lane);
}

function ticks(fromMs: number, untilMs: number, x: (time: string) => number, height: number): string[] {
  return Array.from({ length: TICKS + 1 }, (_, index) => {
    const time = new Date(fromMs + ((untilMs - fromMs) * index) / TICKS).toISOString();
    const anchor = index === TICKS ? "end" : index === 0 ? "start" : "middle";
    const at = x(time);
    const label = untilMs - fromMs > 3 * 86_400_000 ? time.slice(0, 10) : time.slice(5, 16).replace("T", " ");
    return `<line class="lane" x1="${at}" x2="${at}" y1="${TOP - 6}" y2="${height}"/><text x="${at}" y="12" text-anchor="${anchor}">${label}</text>`;
  });
}

function laneParts(
  { revisions, gaps, changes, until }: AuditReport,
  { policy, schedule }: Lane,
  { x, y }: { readonly x: (time: string) => number; readonly y: number },
): string[] {
  const isOwn = (each: Lane): boolean => each.policy === policy && each.schedule === schedule;
  const name = policy === "" ? "on demand" : `${policy} ${schedule}`;
  const middle = y + LANE / 2;
  const bands = gaps.filter(isOwn).map((gap) => {
    const [left, right] = [x(gap.from), x(gap.to ?? until)];
    const title = `no Completed backup from ${gap.from} to ${gap.to ?? "now"}, ${gap.missedSlots} slots missed`;
    return `<rect class="gap" x="${left}" y="${y + 3}" width="${Math.max(2, right - left)}" height="${LANE - 6}"><title>${escapeHtml(title)}</title></rect>`;
  });
  const lines = changes
    .filter(({ object }) => object === `BackupPolicy ${policy}`)
    .map((change) => {
      const at = x(change.time);
      const title = escapeHtml(`${change.time} ${change.type}: ${change.subject}`);
      return `<line class="change" x1="${at}" x2="${at}" y1="${y + 2}" y2="${y + LANE - 2}"><title>${title}</title></line>`;
    });
  const dots = revisions
    .filter((revision) => revision.policy === policy)
    .flatMap(({ backups }) => backups.filter((backup) => backup.schedule === schedule))
    .map(({ name: backup, phase, started }) => {
      const title = escapeHtml(`${backup} ${phase} ${started}`);
      return `<circle class="${escapeHtml(phase)}" cx="${x(started)}" cy="${middle}" r="4"><title>${title}</title></circle>`;
    });
  return [
    `<text x="0" y="${middle + 4}">${escapeHtml(name.length > 34 ? `${name.slice(0, 33)}…` : name)}</text>`,
    `<line class="lane" x1="${LEFT}" x2="${WIDTH}" y1="${middle}" y2="${middle}"/>`,
    ...bands,
    ...lines,
    ...dots,
  ];
}
