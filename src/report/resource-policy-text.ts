/** A resource policy as it is recorded with a backup, for people: each rule a line. */
import { formatLabelSelector, type LabelSelector, selectsEverything } from "../api/label-selector.ts";
import { wrapped } from "./plan-lines.ts";
import { bullets } from "./table.ts";
import { type Fields, listOf, record, texts } from "./untyped-fields.ts";

/** What the manifest holds of a policy. */
export interface DescribedResourcePolicy {
  readonly namespace: string;
  readonly name: string;
  /** In Velero's format; it was read and found right when the backup was made. */
  readonly content: Fields;
}

/** The sections that say something, in the order in which they narrow a backup. */
export function resourcePolicyLines(content: Fields, width: number): string {
  const { includeExcludePolicy, namespacedFilterPolicies, clusterScopedFilterPolicy, volumePolicies } = content;
  const section = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : heading(title, width) + bullets(lines, width);
  return [
    section("Kinds of which the spec says nothing", listLines(record(includeExcludePolicy))),
    ...listOf(namespacedFilterPolicies)
      .map(record)
      .map(({ namespaces, resourceFilters }) =>
        section(`In namespaces ${joined(namespaces)}, only`, filterLines(resourceFilters)),
      ),
    section("Of cluster-scoped kinds", filterLines(record(clusterScopedFilterPolicy).resourceFilters)),
    section("Volumes, by the first that fits", listOf(volumePolicies).map(record).map(volumeLine)),
  ].join("");
}

const LISTS = {
  includedClusterScopedResources: "cluster-scoped included",
  excludedClusterScopedResources: "cluster-scoped excluded",
  includedNamespaceScopedResources: "namespaced included",
  excludedNamespaceScopedResources: "namespaced excluded",
} as const;

function listLines(lists: Fields): string[] {
  return Object.entries(LISTS)
    .filter(([list]) => listOf(lists[list]).length > 0)
    .map(([list, title]) => `${title} ${joined(lists[list])}`);
}

function filterLines(filters: unknown): string[] {
  return listOf(filters)
    .map(record)
    .map(({ kinds, labelSelector, orLabelSelectors, names, excludedNames }) => {
      const isCatchAll = listOf(kinds).length === 0 || joined(kinds) === "*";
      const selectors = [labelSelector, ...listOf(orLabelSelectors)] as (LabelSelector | undefined)[];
      const labels = selectors.filter((each) => !selectsEverything(each ?? undefined)).map(formatLabelSelector);
      const limits = [
        labels.length === 0 ? "" : `labels ${labels.join(" or ")}`,
        listOf(names).length === 0 ? "" : `names ${joined(names)}`,
        listOf(excludedNames).length === 0 ? "" : `not the names ${joined(excludedNames)}`,
      ].filter((limit) => limit !== "");
      return `${isCatchAll ? "every other kind" : joined(kinds)}: ${limits.join("; ") || "all"}`;
    });
}

function volumeLine({ conditions, action }: Fields): string {
  const { type, parameters } = record(action);
  const limits = Object.entries(record(conditions)).flatMap(([name, value]) => conditionText(name, value) ?? []);
  const told = Object.keys(record(parameters)).length === 0 ? "" : ` with ${JSON.stringify(parameters)}`;
  return `${String(type)}${told}: ${limits.join("; ") || "every volume"}`;
}

/** Undefined for what holds of every volume. Of `nfs` and `csi` the bare word says something, too. */
function conditionText(name: string, value: unknown): string | undefined {
  if (value === null) return undefined;
  if (name === "nfs" || name === "csi") {
    const parts = Object.entries(record(value)).filter(([, part]) => shown(part) !== "");
    return [name, parts.map(([field, part]) => `${field} ${shown(part)}`).join(", ")].join(" ").trimEnd();
  }
  const text = shown(value);
  return text === "" ? undefined : `${name} ${text}`;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return joined(value);
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([key, each]) => `${key}=${String(each)}`)
    .join(", ");
}

/** A line that ends with a colon, and goes on below itself where it does not fit the width. */
function heading(text: string, width: number): string {
  return wrapped(`${text}:`, width - 4)
    .map((line, index) => `${index === 0 ? "  " : "    "}${line}\n`)
    .join("");
}

function joined(value: unknown): string {
  return texts(value).join(", ");
}
