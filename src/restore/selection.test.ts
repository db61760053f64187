import { describe, expect, it } from "vitest";
import { filterLookup } from "../api/filter-rules.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import type { ObjectKey } from "../api/object.ts";
import { parseResourcePolicy } from "../api/resource-policy.ts";
import { restoreOptions } from "./options.ts";
import { createSelection, type Selection } from "./selection.ts";

const POLICY = `version: v1
namespacedFilterPolicies:
- namespaces: [shop]
  resourceFilters:
  - {kinds: [configmaps], names: ["app*"], excludedNames: ["*-tmp"], labelSelector: {matchLabels: {app: x}}}
  - {kinds: [secrets]}
clusterScopedFilterPolicy:
  resourceFilters: [{kinds: [priorityclasses.scheduling.k8s.io], names: [gold]}]
`;
const CLASSES = "priorityclasses.scheduling.k8s.io";

function selection(spec: Partial<RestorePlanSpec> = {}, policy: string | undefined = POLICY): Selection {
  const parsed = parseResourcePolicy({ policy });
  if (parsed.type === "refused") throw new Error(parsed.problem);
  const options = restoreOptions({ source: { backupName: "b" }, ...spec }, (name) => name);
  return createSelection(
    options,
    [],
    filterLookup(parsed.policy, (kind) => [kind]),
  );
}

function key(place: string): ObjectKey {
  const [namespace = "", name] = place.split("/");
  return name === undefined ? { namespace: "", name: namespace } : { namespace, name };
}

describe("a policy's filters", () => {
  const labelled = { labelSelector: { matchLabels: { spec: "yes" } } };
  const IN_SHOP = "namespacedFilterPolicies[0]";

  it.each<[string, string, Record<string, string>, string | undefined]>([
    ["configmaps", "shop/app", { app: "x" }, undefined],
    ["configmaps", "shop/app", { spec: "yes" }, `${IN_SHOP}.resourceFilters[0] takes other labels`],
    ["configmaps", "shop/plain", { app: "x" }, `${IN_SHOP}.resourceFilters[0] takes other names`],
    ["configmaps", "shop/app-tmp", { app: "x" }, `${IN_SHOP}.resourceFilters[0] takes other names`],
    ["secrets", "shop/any", {}, undefined],
    ["pods", "shop/app", { spec: "yes" }, `${IN_SHOP} has no filter for them`],
    [CLASSES, "iron", { spec: "yes" }, "clusterScopedFilterPolicy.resourceFilters[0] takes other names"],
    [CLASSES, "gold", {}, undefined],
  ])("judge %s %s with the labels %j in the place of the spec's selectors", (resource, place, labels, why) => {
    const chosen = selection(labelled);
    const isChosen = chosen.includes(resource, key(place)) && chosen.matches(resource, key(place), labels);

    expect([isChosen, chosen.leftOutBy(resource, key(place), { labels })]).toEqual([why === undefined, why]);
  });

  it.each([
    ["pods", "other/app"],
    ["nodes", "n1"],
  ])("leave %s %s to the spec's selectors, and do not answer for it", (resource, place) => {
    const chosen = selection(labelled);
    const where = key(place);

    expect(chosen.matches(resource, where, { spec: "yes" })).toBe(true);
    expect(chosen.matches(resource, where, { app: "x" })).toBe(false);
    expect(chosen.leftOutBy(resource, where, { labels: {} })).toBeUndefined();
  });

  it.each<[string, Partial<RestorePlanSpec>, string, string]>([
    ["an excluded kind", { excludedResources: ["secrets"] }, "secrets", "shop/any"],
    ["a namespace that is not included", { includedNamespaces: ["other"] }, "secrets", "shop/any"],
    ["an object of another name", { includedNames: ["web"] }, "secrets", "shop/any"],
    ["cluster-scoped objects", { includeClusterResources: false }, CLASSES, "gold"],
  ])("bring back nothing that the spec leaves out: %s", (_what, spec, resource, place) => {
    const chosen = selection(spec);

    expect(chosen.includes(resource, key(place))).toBe(false);
    expect(chosen.leftOutBy(resource, key(place))).toBeUndefined();
  });

  it("are not asked about what another object needs", () => {
    const chosen = selection();

    expect(chosen.drawsIn).toBe(true);
    expect(chosen.includesRelated(CLASSES, key("iron"))).toBe(true);
    expect(chosen.includesRelated("persistentvolumeclaims", key("shop/data"))).toBe(true);
  });
});
