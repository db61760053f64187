/** Filters of backups and restores: Velero's rules for lists and selectors, in Velero's words, at the field they are about. */
import {
  type IncludeExcludeLists,
  includeExcludeProblems,
  namespaceListProblems,
  scopedIncludeExcludeProblems,
} from "./include-exclude.ts";
import type { BackupSpec, RestorePlanSpec } from "./kinds.generated.ts";
import { labelSelectorProblems } from "./label-selector.ts";
import type { FieldPath, Finding } from "./problem.ts";

type ListField = {
  [F in keyof BackupSpec]-?: NonNullable<BackupSpec[F]> extends readonly string[] ? F : never;
}[keyof BackupSpec];

interface ListRule {
  readonly includes: ListField;
  readonly excludes: ListField;
  readonly what: string;
  readonly check: (lists: IncludeExcludeLists) => string[];
}

const NAMESPACES: ListRule = {
  includes: "includedNamespaces",
  excludes: "excludedNamespaces",
  what: "included/excluded namespace",
  check: namespaceListProblems,
};
const RESOURCES: ListRule = {
  includes: "includedResources",
  excludes: "excludedResources",
  what: "included/excluded resource",
  check: includeExcludeProblems,
};
const CLUSTER_SCOPED: ListRule = {
  includes: "includedClusterScopedResources",
  excludes: "excludedClusterScopedResources",
  what: "cluster-scoped included/excluded resource",
  check: scopedIncludeExcludeProblems,
};
const NAMESPACE_SCOPED: ListRule = {
  includes: "includedNamespaceScopedResources",
  excludes: "excludedNamespaceScopedResources",
  what: "namespace-scoped included/excluded resource",
  check: scopedIncludeExcludeProblems,
};

/** Findings about a backup's filters; `at` is where the spec stands. */
export function backupFilterFindings(spec: BackupSpec, at: FieldPath): Finding[] {
  return [
    ...familyFindings(spec, at),
    ...[RESOURCES, CLUSTER_SCOPED, NAMESPACE_SCOPED, NAMESPACES].flatMap((rule) => listFindings(spec, rule, at)),
    ...selectorFindings(spec, at, "backup"),
  ];
}

/** Findings about a restore's filters. */
export function restoreFilterFindings(spec: RestorePlanSpec, at: FieldPath): Finding[] {
  const lists = [RESOURCES, NAMESPACES].flatMap((rule) => listFindings(spec, rule, at));
  return [...lists, ...selectorFindings(spec, at, "restore")];
}

/** The old family (`includedResources` …) and the scoped one exclude each other. */
function familyFindings(spec: BackupSpec, at: FieldPath): Finding[] {
  const isGiven = (field: ListField): boolean => (spec[field]?.length ?? 0) > 0;
  const old =
    isGiven("includedResources") || isGiven("excludedResources") || spec.includeClusterResources !== undefined;
  const scoped = [CLUSTER_SCOPED, NAMESPACE_SCOPED].flatMap((rule) => [rule.includes, rule.excludes]).find(isGiven);
  if (!old || scoped === undefined) return [];
  const message =
    "include-resources, exclude-resources and include-cluster-resources are old filter parameters. " +
    "include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and " +
    "exclude-namespace-scoped-resources are new filter parameters. They cannot be used together";
  return [{ code: "InvalidFilter", message, path: [...at, scoped], atKey: true }];
}

function listFindings(spec: Pick<BackupSpec, ListField>, rule: ListRule, at: FieldPath): Finding[] {
  const lists = { includes: spec[rule.includes] ?? [], excludes: spec[rule.excludes] ?? [] };
  return rule.check(lists).map((problem) => {
    const isAboutIncludes = problem.startsWith("includes") || lists.excludes.length === 0;
    return {
      code: "InvalidFilter",
      message: `Invalid ${rule.what} lists: ${problem}`,
      path: [...at, isAboutIncludes ? rule.includes : rule.excludes],
    };
  });
}

function selectorFindings(
  spec: Pick<BackupSpec, "labelSelector" | "orLabelSelectors">,
  at: FieldPath,
  what: string,
): Finding[] {
  const found: Finding[] = [];
  const { labelSelector, orLabelSelectors = [] } = spec;
  if (labelSelector !== undefined && orLabelSelectors.length > 0) {
    const message = `encountered labelSelector as well as orLabelSelectors in ${what} spec, only one can be specified`;
    found.push({ code: "InvalidSelector", message, path: [...at, "orLabelSelectors"], atKey: true });
  }
  const selectors = [
    { selector: labelSelector, path: [...at, "labelSelector"] },
    ...orLabelSelectors.map((selector, index) => ({ selector, path: [...at, "orLabelSelectors", index] })),
  ];
  for (const { selector, path } of selectors) {
    for (const message of selector === undefined ? [] : labelSelectorProblems(selector)) {
      found.push({ code: "InvalidSelector", message, path });
    }
  }
  return found;
}
