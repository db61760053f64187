import type { Installation } from "./deps.ts";

/** One line of history: what changed. */
export interface Transition {
  readonly type: "backup" | "policy" | "restore" | "key" | "archive";
  /** For the subject line: `shop-hourly-20261120210000 Completed`. */
  readonly subject: string;
  readonly backup?: string | undefined;
  /** The commit that last changed the policy or the plan. */
  readonly policyRevision?: string | undefined;
  readonly planDigest?: string | undefined;
}

/** A batch may hold thousands of backups; a commit names so many. */
const MAX_TRAILERS = 50;
const MAX_SUBJECT = 72;

/** Subject, one line per transition, and the trailers that tools read. Deterministic. */
export function commitMessage(transitions: readonly Transition[], { cluster, term }: Installation): string {
  const [first] = transitions;
  const subject =
    first === undefined
      ? "Update the summary"
      : transitions.length === 1
        ? `Record ${first.type} ${first.subject}`
        : `Record ${transitions.length} transitions`;
  const lines =
    transitions.length > 1 ? transitions.slice(0, MAX_TRAILERS).map((each) => `${each.type} ${each.subject}`) : [];
  const trailers = [
    `Holdfast-Cluster: ${cluster}`,
    ...unique(
      "Policy-Revision",
      transitions.map(({ policyRevision }) => policyRevision),
    ),
    ...unique(
      "Backup",
      transitions.map(({ backup }) => backup),
    ),
    ...unique(
      "Plan-Digest",
      transitions.map(({ planDigest }) => planDigest),
    ),
    `Holdfast-Term: ${term}`,
  ];
  const paragraphs = [subject.slice(0, MAX_SUBJECT), lines.join("\n"), trailers.join("\n")];
  return `${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`;
}

function unique(name: string, values: readonly (string | undefined)[]): string[] {
  const set = new Set(values.filter((value) => value !== undefined && value !== ""));
  return [...set].slice(0, MAX_TRAILERS).map((value) => `${name}: ${value}`);
}
