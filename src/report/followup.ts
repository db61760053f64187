/** What Git would have to hold so that it does not undo a restore: per object, as a part of its manifest. */

import { formatKey } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import { printable } from "./plan-lines.ts";

/** One object and what Git has to say of it. */
export interface Followup {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `Application argocd/shop`, each with where in Git it reads. */
  readonly owners: readonly { readonly owner: string; readonly source: string }[];
  /** `fields`: a part of the manifest. `whole`: the object was gone, and Git may lack it. */
  readonly extent: "fields" | "whole";
  /** The manifest, or the part of it; values of Secrets are left out. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** RFC 6901 pointers of fields that Git must not hold. */
  readonly remove: readonly string[];
}

const WORDS = {
  fields: "set these fields in Git, or they are undone",
  whole: "was gone: Git has to hold it like this, or it goes again or comes back otherwise",
} as const;

/** Why there is nothing to change in Git; `stands`: the cluster is now as the restore leaves it. */
export function noFollowup(stands: boolean): string {
  return stands
    ? "The cluster is as this restore leaves it, so there is nothing to compare it with: what Git undoes of it shows before the restore, and once Git has undone it."
    : "Git undoes nothing of this restore: there is nothing to change.";
}

/** The changes as YAML documents with comments, for an editor beside the repository. */
export function followupText(followups: readonly Followup[]): string {
  return followups.map(documentOf).join("---\n");
}

function documentOf(followup: Followup): string {
  const { kind, extent, owners, manifest, remove } = followup;
  const comments = [
    `${kind} ${formatKey(followup)}: ${WORDS[extent]}`,
    ...owners.map(({ owner, source }) => `applied by ${owner}${source === "" ? "" : ` from ${source}`}`),
    ...remove.map((pointer) => `take out: ${pointer}`),
  ];
  const head = comments.map((comment) => `# ${printable(comment)}\n`).join("");
  return `${head}${yamlText(manifest, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
