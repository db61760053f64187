/** The history of what was declared, out of the commits of the watched branch. */

import { type KubeObject, keyOf } from "../api/object.ts";
import { isReadable, parseFile } from "../api/parse.ts";
import { compare } from "../api/patch.ts";
import type { CommitChanges, CommitInfo, FileChange } from "../git/remote.ts";
import type { DeclaredChange } from "../report/audit.ts";

/** One document of ours as a commit left it; undefined where that commit removed it. */
export interface DeclaredState {
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly atMs: number;
  readonly document: KubeObject | undefined;
}

/** A change with the states it made, for those who follow one object through its versions. */
export interface DeclaredHistory {
  /** Newest first. */
  readonly changes: readonly DeclaredChange[];
  /** Oldest first. */
  readonly states: readonly DeclaredState[];
}

/** Reads what commits did to documents of ours; `wanted` tells by `Kind namespace/name`. Files that don't parse count as empty. */
export function declaredHistory(
  commits: readonly CommitChanges[],
  defaultNamespace: string,
  wanted: (object: string) => boolean,
): DeclaredHistory {
  const changes: DeclaredChange[] = [];
  const states: DeclaredState[] = [];
  for (const { commit, merged, files } of commits) {
    const before = documentsOf(files, "before", defaultNamespace);
    const after = documentsOf(files, "after", defaultNamespace);
    for (const object of [...new Set([...before.keys(), ...after.keys()])].filter(wanted).sort()) {
      const change = changeOf(before.get(object), after.get(object));
      if (change === undefined) continue;
      changes.push({ object, ...describe(commit, merged), ...change });
      states.unshift({ object, atMs: commit.committer.timeMs, document: after.get(object)?.document });
    }
  }
  return { changes, states };
}

/** What became of one document; undefined where only the text around it changed. */
function changeOf(
  old: Declared | undefined,
  now: Declared | undefined,
): Pick<DeclaredChange, "type" | "file" | "fields"> | undefined {
  if (now === undefined) return { type: "removed", file: old?.file ?? "", fields: [] };
  if (old === undefined) return { type: "added", file: now.file, fields: [] };
  const fields = compare(old.document, now.document).map(({ path }) => path);
  if (fields.length > 0) return { type: "changed", file: now.file, fields };
  return old.file === now.file ? undefined : { type: "changed", file: now.file, fields: ["(moved)"] };
}

function describe(
  commit: CommitInfo,
  merged: readonly CommitInfo[],
): Pick<DeclaredChange, "commit" | "time" | "authors" | "mergedBy" | "subject"> {
  const isMerge = commit.parents.length > 1;
  const authors = new Set((merged.length > 0 ? merged : [commit]).map(({ author }) => person(author)));
  return {
    commit: commit.revision,
    time: new Date(commit.committer.timeMs).toISOString().replace(".000", ""),
    authors: [...authors],
    ...(isMerge ? { mergedBy: person(commit.author) } : {}),
    subject: commit.message.split("\n")[0] ?? "",
  };
}

function person({ name, email }: CommitInfo["author"]): string {
  return `${name} <${email}>`;
}

interface Declared {
  readonly file: string;
  readonly document: KubeObject;
}

function documentsOf(
  files: readonly FileChange[],
  side: "before" | "after",
  defaultNamespace: string,
): Map<string, Declared> {
  const found = new Map<string, Declared>();
  for (const file of files) {
    const bytes = file[side];
    if (bytes === undefined || !isReadable(file.path)) continue;
    const parsed = parseFile({ path: file.path, bytes });
    for (const { object } of parsed.problems.length > 0 ? [] : parsed.documents) {
      const document = object as unknown as KubeObject;
      const { namespace, name } = keyOf(document);
      const id = `${document.kind} ${namespace === "" ? defaultNamespace : namespace}/${name}`;
      found.set(id, { file: file.path, document });
    }
  }
  return found;
}
