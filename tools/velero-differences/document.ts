/** `docs/velero-differences.md`, made of the rules that the conformance runner applies. */
import type { Rule } from "../../test/conformance/differences.ts";

const HEAD = `# Where a restore differs from Velero's

Written by \`node tools/velero-differences/main.ts\` from \`test/conformance/differences.ts\`: edit the rules there. Each is a difference on purpose.
The conformance runner replays recorded runs of Velero 1.18.3 with Holdfast's own restore and fails on every difference
that no rule here covers; a scenario that needed one is reported as \`pass (rule)\`.
`;

/** The whole document. Deterministic. */
export function differencesDocument(rules: readonly Rule[]): string {
  const sections = rules.map(({ id, title, reason }) => `## ${id}\n\n${title}.\n\n${reason}\n`);
  return [HEAD, ...sections].join("\n");
}
