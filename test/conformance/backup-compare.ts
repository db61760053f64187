/** What differs between a backup of ours and the recorded one of the same state. */
import type { BackupOutcome, ResultGroups } from "../../src/backup/types.ts";
import type { RecordedBackup, RecordedGroups } from "./backup-case.ts";

/** One difference. Paths are Velero's classic ones, with generated parts of names as `*`. */
export interface Finding {
  readonly type: "missing" | "extra" | "phase" | "warnings" | "errors" | "execs";
  readonly detail: string;
}

/** What our engine did. */
export interface OwnBackup {
  readonly outcome: BackupOutcome;
  /** Classic paths, such as `configmaps/namespaces/a/c`. */
  readonly paths: readonly string[];
  readonly execs: ReadonlyMap<string, readonly string[]>;
}

/** All differences, sorted; empty when both agree. `fixedNames` are the names that the scenario itself gives. */
export function compareBackups(recorded: RecordedBackup, own: OwnBackup, fixedNames: ReadonlySet<string>): Finding[] {
  const expected = countOf(classicPaths(recorded.tarEntries).map((path) => normalised(path, fixedNames)));
  const found = countOf(own.paths.filter(isComparable).map((path) => normalised(path, fixedNames)));
  return [
    ...surplus(expected, found).map((detail) => ({ type: "missing" as const, detail })),
    ...surplus(found, expected).map((detail) => ({ type: "extra" as const, detail })),
    ...phaseFindings(recorded, own.outcome),
    ...resultFindings("warnings", recorded.warnings, own.outcome.results.warnings),
    ...resultFindings("errors", recorded.errors, own.outcome.results.errors),
    ...execFindings(recorded, own),
  ];
}

/** The classic path of each object of a recorded archive, without the version folders' copies. */
export function classicPaths(entries: readonly string[]): string[] {
  return entries
    .filter((entry) => /^resources\/[^/]+\/(cluster|namespaces\/[^/]+)\/[^/]+\.json$/.test(entry))
    .map((entry) => entry.slice("resources/".length, -".json".length))
    .filter(isComparable);
}

/** Events come and go by themselves; the records of addresses are named after what each cluster assigned. */
function isComparable(path: string): boolean {
  return !/^(?:events|events\.events\.k8s\.io|ipaddresses\.networking\.k8s\.io)\//.test(path);
}

/** The random part that Kubernetes appends to generated names, and the uid of a dynamic volume, as `*`. */
export function normalised(path: string, fixedNames: ReadonlySet<string>): string {
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  if (fixedNames.has(name)) return path;
  const general = name.replace(/^pvc-[0-9a-f-]{36}$/, "pvc-*").replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}$/, "-*");
  return path.slice(0, slash + 1) + general;
}

function phaseFindings({ phase }: RecordedBackup, outcome: BackupOutcome): Finding[] {
  return phase === outcome.phase
    ? []
    : [{ type: "phase", detail: `${phase} became ${outcome.phase}: ${reasonOf(outcome)}` }];
}

function reasonOf(outcome: BackupOutcome): string {
  return outcome.failureReason ?? outcome.validationErrors?.join("; ") ?? JSON.stringify(outcome.results);
}

/** The class is compared: whether there are any, and that the objects Velero names are named by us too. */
function resultFindings(type: "warnings" | "errors", recorded: RecordedGroups, own: ResultGroups): Finding[] {
  const theirs = texts(recorded);
  const ours = texts(own);
  if (theirs.length === 0) return ours.map((detail) => ({ type, detail: `ours alone: ${detail}` }));
  if (ours.length === 0) return [{ type, detail: `Velero's alone: ${theirs.join("; ")}` }];
  const named = new Set(theirs.flatMap((line) => / name: \/(\S+)/.exec(line)?.[1] ?? []));
  return [...named]
    .filter((name) => !ours.some((line) => line.includes(name)))
    .map((name) => ({ type, detail: `${name} is not named by ours` }));
}

function execFindings({ execs }: RecordedBackup, own: OwnBackup): Finding[] {
  if (execs === undefined) return [];
  return [...execs].flatMap(([pod, commands]) => {
    const ours = own.execs.get(pod) ?? [];
    const same = JSON.stringify(ours) === JSON.stringify(commands);
    return same ? [] : [{ type: "execs" as const, detail: `${pod}: ${commands.join(", ")} became ${ours.join(", ")}` }];
  });
}

function texts(groups: RecordedGroups): string[] {
  return [...(groups.velero ?? []), ...(groups.cluster ?? []), ...Object.values(groups.namespaces ?? {}).flat()];
}

function countOf(paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}

function surplus(more: ReadonlyMap<string, number>, less: ReadonlyMap<string, number>): string[] {
  return [...more]
    .flatMap(([path, count]) => Array.from({ length: Math.max(0, count - (less.get(path) ?? 0)) }, () => path))
    .sort();
}
