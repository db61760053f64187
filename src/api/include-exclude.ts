/**
 * Include and exclude lists, with Velero's meaning and Velero's validation messages. Backup and restore share them.
 * Names are matched as globs without a separator; excludes win.
 */
import { compileGlob } from "./glob.ts";

export interface IncludeExcludeLists {
  /** Empty: everything. */
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
}

/** A compiled pair of lists. */
export interface NameFilter {
  includes(name: string): boolean;
  /** True when some exclude matches, whatever the includes say. */
  excludes(name: string): boolean;
  /** Nothing is excluded, and the includes are empty or exactly `*`. */
  readonly everything: boolean;
}

/** Compiles the lists. Excludes first; then empty includes or an include `*` mean everything; else some include must match. */
export function nameFilter(lists: IncludeExcludeLists): NameFilter {
  const excludes = anyOf(lists.excludes);
  const includes = lists.includes.length === 0 || lists.includes.includes("*") ? () => true : anyOf(lists.includes);
  return {
    includes: (name) => !excludes(name) && includes(name),
    excludes,
    everything:
      lists.excludes.length === 0 &&
      (lists.includes.length === 0 || (lists.includes.length === 1 && lists.includes[0] === "*")),
  };
}

/** The filter that lets nothing through: wildcards that matched no namespace. */
export const NOTHING: NameFilter = { includes: () => false, excludes: () => true, everything: false };

/** Velero's rules for a pair of lists, in its words; empty when both are good. */
export function includeExcludeProblems({ includes, excludes }: IncludeExcludeLists): string[] {
  const problems: string[] = [];
  if (includes.includes("*") && new Set(includes).size > 1) {
    problems.push("includes list must either contain '*' only, or a non-empty list of items");
  }
  if (excludes.includes("*")) problems.push("excludes list cannot contain '*'");
  return [...problems, ...inBoth(includes, excludes)];
}

/** The rules for the scoped lists of a backup, where excludes may be `*` alone. */
export function scopedIncludeExcludeProblems({ includes, excludes }: IncludeExcludeLists): string[] {
  const problems: string[] = [];
  if (includes.includes("*") && new Set(includes).size > 1) {
    problems.push("includes list must either contain '*' only, or a non-empty list of items");
  }
  if (excludes.includes("*") && new Set(excludes).size > 1) {
    problems.push("excludes list must either contain '*' only, or a non-empty list of items");
  }
  if (includes.length > 0 && excludes.includes("*")) problems.push("when exclude is '*', include cannot have value");
  return [...problems, ...inBoth(includes, excludes)];
}

/** The rules for namespace lists: those of any pair, and each entry is a namespace name or a pattern for one. */
export function namespaceListProblems(lists: IncludeExcludeLists): string[] {
  const entries = [...sorted(lists.includes), ...sorted(lists.excludes)];
  return [...includeExcludeProblems(lists), ...entries.flatMap(namespaceProblem)];
}

const RFC_1123_LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

function namespaceProblem(entry: string): string[] {
  if (entry === "") return [];
  if (isNamespacePattern(entry)) {
    const problem = namespacePatternProblem(entry);
    if (problem !== undefined) return [`invalid namespace "${entry}": ${problem}`];
  }
  // What stands in brackets must be of a name, too: `[^a]` and `[A-Z]` match none, as in Velero.
  const name = entry.replace(/\{[^{}]*\}|[*?[\]]/g, "x");
  if (name.length > 63) return [`invalid namespace "${entry}": must be no more than 63 characters`];
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) ? [] : [`invalid namespace "${entry}": ${RFC_1123_LABEL}`];
}

/** Why a pattern for namespaces is refused, in Velero's words; undefined when it is good. */
export function namespacePatternProblem(pattern: string): string | undefined {
  if (/[|()!]/.test(pattern)) return "wildcard pattern contains unsupported characters";
  if (pattern.includes("**")) return "wildcard pattern contains consecutive asterisks (only single * allowed)";
  if (/\[\]/.test(pattern)) return "wildcard pattern contains empty brackets";
  if (/[[\]]/.test(pattern.replace(/\[[^[\]]+\]/g, ""))) return "wildcard pattern contains unclosed brackets";
  return undefined;
}

function isNamespacePattern(entry: string): boolean {
  return /[*?[\]{}]/.test(entry);
}

/** What namespace lists come to when their patterns are looked up among the namespaces there are. */
export interface ExpandedNamespaces {
  /** The filter to use from here on. */
  readonly filter: NameFilter;
  /** Included namespaces by name; undefined when every namespace is included that `filter` lets through. */
  readonly included: readonly string[] | undefined;
  /** Names included without a pattern that don't exist. */
  readonly missing: readonly string[];
  /** True when the includes were patterns only, and none matched: nothing is included, and that deserves a warning. */
  readonly matchedNothing: boolean;
}

/**
 * Expands namespace patterns against the namespaces there are (backup: live ones, restore: those in the archive). With
 * empty includes or `*` nothing is expanded: every namespace is included but the excluded ones.
 */
export function expandNamespaces(lists: IncludeExcludeLists, existing: readonly string[]): ExpandedNamespaces {
  if (lists.includes.length === 0 || lists.includes.includes("*")) {
    return { filter: nameFilter(lists), included: undefined, missing: [], matchedNothing: false };
  }
  const there = new Set(existing);
  const excludes = anyOf(lists.excludes);
  const named = lists.includes.filter((entry) => !isNamespacePattern(entry));
  const matches = anyOf(lists.includes.filter(isNamespacePattern));
  const included = new Set([...named, ...existing.filter(matches)].filter((name) => !excludes(name)));
  if (included.size === 0) return { filter: NOTHING, included: [], missing: [], matchedNothing: named.length === 0 };
  return {
    filter: { includes: (name) => included.has(name), excludes, everything: false },
    included: sorted([...included]),
    missing: sorted([...included].filter((name) => !there.has(name))),
    matchedNothing: false,
  };
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const names = new Set(patterns);
  const globs = patterns.map(compileGlob);
  return (name) => names.has(name) || globs.some((matches) => matches(name));
}

function inBoth(includes: readonly string[], excludes: readonly string[]): string[] {
  const included = new Set(includes);
  return sorted(excludes)
    .filter((name) => included.has(name))
    .map((name) => `excludes list cannot contain an item in the includes list: ${name}`);
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
