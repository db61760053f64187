/** The resource policy of a restore: of Velero's sections the two that hold filters, as Velero 1.18.3 takes them. */
import type { PolicyFilters } from "../api/filter-rules.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import { backupOnlySections, parseResourcePolicy } from "../api/resource-policy.ts";

export type RestorePolicy =
  | { readonly type: "none" }
  | { readonly type: "filters"; readonly filters: PolicyFilters }
  | { readonly type: "refused"; readonly problem: string };

/** Reads the ConfigMap that the spec names; `data` is undefined where it does not exist. */
export function readRestorePolicy(
  { resourcePolicy }: Pick<RestorePlanSpec, "resourcePolicy">,
  data: Readonly<Record<string, string>> | undefined,
): RestorePolicy {
  if (resourcePolicy === undefined) return { type: "none" };
  const { kind, name } = resourcePolicy;
  if (kind.toLowerCase() !== "configmap")
    return refused(`invalid ResourcePolicy kind "${kind}", only "configmap" is supported`);
  if (data === undefined)
    return refused(`fail to get ResourcePolicies ${name} ConfigMap: it is not in the RestorePlan's namespace`);
  const parsed = parseResourcePolicy(data);
  if (parsed.type === "refused") return refused(`ResourcePolicies in ConfigMap ${name}: ${parsed.problem}`);
  const ofBackups = backupOnlySections(parsed.policy);
  if (ofBackups.length === 0) return { type: "filters", filters: parsed.policy };
  return refused(
    `ResourcePolicies in ConfigMap ${name}: ${ofBackups.join(", ")} not supported for restore: give restores a ConfigMap with filters alone`,
  );
}

function refused(problem: string): RestorePolicy {
  return { type: "refused", problem: `resourcePolicy: ${problem}` };
}
