/** What Velero refuses in a restore's spec (velero-facts §4.2), in its words, and what we refuse beyond. */
import { includeExcludeProblems, namespaceListProblems } from "../api/include-exclude.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import { labelSelectorProblems } from "../api/label-selector.ts";
import type { RestoreInputs } from "./inputs.ts";
import { parseModifierConfigMap, ruleProblems } from "./modifier-rules.ts";
import { readRestorePolicy } from "./policy.ts";
import { NON_RESTORABLE } from "./selection.ts";

const POLICIES = new Set(["none", "update", "recreate", "fail"]);

/** Every problem of the spec and of the ConfigMaps it names, which were read; empty when the restore may run. */
export function restoreSpecProblems(
  spec: RestorePlanSpec,
  { modifierData, policyData }: Pick<RestoreInputs, "modifierData" | "policyData"> = {},
): string[] {
  const policy = readRestorePolicy(spec, policyData);
  return [
    ...listProblems(spec),
    ...selectorProblems(spec),
    ...mappingProblems(spec),
    ...existingProblems(spec),
    ...(policy.type === "refused" ? [policy.problem] : []),
    ...modifierProblems(spec, modifierData),
    ...hookProblems(spec),
  ];
}

function listProblems(spec: RestorePlanSpec): string[] {
  const included = spec.includedResources ?? [];
  const refused = included.filter((name) => NON_RESTORABLE.includes(name));
  const resources = { includes: included, excludes: spec.excludedResources ?? [] };
  const namespaces = { includes: spec.includedNamespaces ?? [], excludes: spec.excludedNamespaces ?? [] };
  return [
    ...(refused.length === 0 ? [] : [`${refused.join(", ")} are non-restorable resources`]),
    ...includeExcludeProblems(resources).map((problem) => `Invalid included/excluded resource lists: ${problem}`),
    ...namespaceListProblems(namespaces).map((problem) => `Invalid included/excluded namespace lists: ${problem}`),
  ];
}

function selectorProblems(spec: RestorePlanSpec): string[] {
  const both = spec.labelSelector !== undefined && (spec.orLabelSelectors ?? []).length > 0;
  const selectors = [
    ...(spec.labelSelector === undefined ? [] : [spec.labelSelector]),
    ...(spec.orLabelSelectors ?? []),
  ];
  return [
    ...(both
      ? ["encountered labelSelector as well as orLabelSelectors in restore spec, only one can be specified"]
      : []),
    ...selectors.flatMap(labelSelectorProblems),
  ];
}

function mappingProblems(spec: RestorePlanSpec): string[] {
  return Object.entries(spec.namespaceMapping ?? {})
    .filter((pair) => pair.some((name) => /[*?[\]{}]/.test(name)))
    .map(([from, to]) => `namespaceMapping ${from} → ${to}: a mapping takes names, not patterns; list each namespace`);
}

function existingProblems(spec: RestorePlanSpec): string[] {
  const policies = [spec.existingResourcePolicy, ...Object.values(spec.existingResourceOverrides ?? {})];
  return policies
    .filter((policy) => policy !== undefined && policy !== ("" as string) && !POLICIES.has(policy))
    .map((policy) => `Invalid ExistingResourcePolicy: ${policy}`);
}

function modifierProblems(spec: RestorePlanSpec, data: Readonly<Record<string, string>> | undefined): string[] {
  const own = (spec.modifiers ?? []).flatMap((rule, index) => ruleProblems(rule, `modifiers[${index}]`));
  if (data === undefined) {
    return spec.resourceModifier === undefined
      ? own
      : [...own, `failed to get resource modifiers configmap ${spec.resourceModifier.name}`];
  }
  const parsed = parseModifierConfigMap(data);
  return parsed.type === "rules" ? own : [...own, ...parsed.problems];
}

function hookProblems(spec: RestorePlanSpec): string[] {
  return (spec.hooks?.resources ?? []).flatMap((resource) =>
    (resource.postHooks ?? []).flatMap((hook) => [
      ...(hook.exec !== undefined && hook.exec.command.length === 0
        ? [`hook ${resource.name}: an exec hook needs a command`]
        : []),
      ...(hook.init?.initContainers ?? [])
        .filter(({ name = "", image = "", command = [] }) => name === "" || image === "" || command.length === 0)
        .map(() => `hook ${resource.name}: an init container needs name, image and command`),
    ]),
  );
}
