/** Faults of a spec that Velero takes and Holdfast refuses, told from the spec itself. */
import type { Difference } from "./restore-compare.ts";

/** What of a spec may be refused. */
export interface RefusedSpec {
  readonly includedNamespaces?: readonly string[];
  readonly excludedNamespaces?: readonly string[];
  readonly labelSelector?: Selector;
  readonly orLabelSelectors?: readonly Selector[];
  readonly resourceModifier?: { readonly kind?: string; readonly name?: string };
}

interface Selector {
  readonly matchExpressions?: readonly { readonly operator: string; readonly values?: readonly string[] }[];
}

/** The spec has the fault that was found in it, and it is one of those that the reason names. */
export function isFault(problem: string, spec: RefusedSpec): boolean {
  const [, namespace] = /invalid namespace "([^"]*)"/.exec(problem) ?? [];
  if (namespace !== undefined) {
    const isNamed = [...(spec.includedNamespaces ?? []), ...(spec.excludedNamespaces ?? [])].includes(namespace);
    return isNamed && !/^(?:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)$/.test(namespace);
  }
  if (/label selector operator|values set/.test(problem)) {
    const selectors = [
      ...(spec.labelSelector === undefined ? [] : [spec.labelSelector]),
      ...(spec.orLabelSelectors ?? []),
    ];
    return selectors.flatMap(({ matchExpressions = [] }) => matchExpressions).some(isFaulty);
  }
  const { kind = "ConfigMap", name = "" } = spec.resourceModifier ?? {};
  return kind.toLowerCase() !== "configmap" && problem === `failed to get resource modifiers configmap ${name}`;
}

function isFaulty({
  operator,
  values = [],
}: {
  readonly operator: string;
  readonly values?: readonly string[];
}): boolean {
  if (operator === "In" || operator === "NotIn") return values.length === 0;
  return (operator !== "Exists" && operator !== "DoesNotExist") || values.length > 0;
}

/** What differs because nothing was begun here. */
export function isOfNothingDone(difference: Difference): boolean {
  switch (difference.type) {
    case "phase":
      return difference.ours === "FailedValidation";
    case "outcome":
      return difference.ours === undefined;
    case "message":
      return difference.side === "recorded";
    default:
      return difference.type !== "extra";
  }
}
