/** `docs/velero-differences.md`, made of the rules that the conformance runner applies. */
import type { BackupDifference } from "../../test/conformance/backup-differences.ts";
import type { Rule } from "../../test/conformance/differences.ts";

const HEAD = `# Where Holdfast differs from Velero

Written by \`node tools/velero-differences/main.ts\` from \`test/conformance/differences.ts\` and \`backup-differences.ts\`: edit the rules there. Each is a difference on purpose.
The conformance runner replays recorded runs of Velero 1.18.3 with Holdfast's own backup and restore and fails on every difference
that no rule here covers; a scenario that needed one is reported as \`pass (rule)\`.
`;

/** The whole document. Deterministic. */
export function differencesDocument(restore: readonly Rule[], backup: readonly BackupDifference[]): string {
  const section = ({ id, title, reason }: Pick<Rule, "id" | "title" | "reason">): string =>
    `### ${id}\n\n${title.charAt(0).toUpperCase()}${title.slice(1)}.\n\n${reason}\n`;
  return [HEAD, "## Backup\n", ...backup.map(section), "## Restore\n", ...restore.map(section)].join("\n");
}
