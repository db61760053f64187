import { describe, expect, it } from "vitest";
import type { BackupSpec } from "../api/kinds.generated.ts";
import type { IncludeExcludePolicy, ResourcePolicy } from "../api/resource-policy.ts";
import type { ServedResource } from "../kube/client.ts";
import { type BackupPlan, planBackup } from "./plan.ts";

const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];

function served(name: string, kind: string, namespaced: boolean, more: Partial<ServedResource> = {}): ServedResource {
  const [resource = "", ...group] = name.split(".");
  return {
    group: group.join("."),
    version: "v1",
    resource,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced,
    verbs: VERBS,
    preferred: true,
    subresources: [],
    ...more,
  };
}

const RESOURCES: ServedResource[] = [
  served("configmaps", "ConfigMap", true, { shortNames: ["cm"] }),
  served("events", "Event", true),
  served("namespaces", "Namespace", false),
  served("nodes", "Node", false),
  served("persistentvolumes", "PersistentVolume", false),
  served("persistentvolumeclaims", "PersistentVolumeClaim", true),
  served("pods", "Pod", true),
  served("bindings", "Binding", true, { verbs: ["create"] }),
  served("deployments.extensions", "Deployment", true),
  served("deployments.apps", "Deployment", true, { shortNames: ["deploy"] }),
  served("deployments.apps", "Deployment", true, { version: "v1beta1", preferred: false }),
  served("events.events.k8s.io", "Event", true),
  served("customresourcedefinitions.apiextensions.k8s.io", "CustomResourceDefinition", false),
  served("volumesnapshots.snapshot.storage.k8s.io", "VolumeSnapshot", true),
  served("volumesnapshotcontents.snapshot.storage.k8s.io", "VolumeSnapshotContent", false),
  served("backups.holdfast.dev", "Backup", true, { version: "v1alpha1" }),
  served("restoreplans.holdfast.dev", "RestorePlan", true, { version: "v1alpha1" }),
];
const NAMESPACES = ["a", "b", "hidden", "kube-system"].map((name) => ({ name, labels: {}, terminating: false }));

const NO_POLICY: ResourcePolicy = { volumePolicies: [], clusterScopedFilters: [], namespacedFilters: [] };

function plan(spec: BackupSpec, more: { policy?: IncludeExcludePolicy; labelledOut?: string[] } = {}): BackupPlan {
  return planBackup({
    spec,
    discovery: { resources: RESOURCES, failures: [] },
    namespaces: NAMESPACES,
    labelledOut: more.labelledOut ?? [],
    policy: more.policy === undefined ? undefined : { ...NO_POLICY, includeExcludePolicy: more.policy },
  });
}

const listed = (spec: BackupSpec, more = {}): string[] => plan(spec, more).tasks.map((task) => task.resource.name);
const NAMESPACED = ["pods", "persistentvolumeclaims", "configmaps", "events", "deployments.apps"];
const CLUSTER = ["nodes", "customresourcedefinitions.apiextensions.k8s.io"];

describe("planBackup selects", () => {
  it("everything without a filter, cluster-scoped objects too, each object under one group", () => {
    expect(listed({})).toEqual([
      "pods",
      "persistentvolumeclaims",
      "persistentvolumes",
      "configmaps",
      "events",
      "nodes",
      "deployments.apps",
      CLUSTER[1],
    ]);
  });

  const rows: [name: string, spec: BackupSpec, expected: string[]][] = [
    ["only namespaced kinds of chosen namespaces", { includedNamespaces: ["a"] }, NAMESPACED],
    [
      "all kinds where cluster resources are asked for",
      { includedNamespaces: ["a"], includeClusterResources: true },
      [
        "pods",
        "persistentvolumeclaims",
        "persistentvolumes",
        "configmaps",
        "events",
        "nodes",
        "deployments.apps",
        "customresourcedefinitions.apiextensions.k8s.io",
      ],
    ],
    ["no cluster-scoped kind where they are refused", { includeClusterResources: false }, NAMESPACED],
    [
      "named resources by short name and kind",
      { includedResources: ["cm", "Deployment"] },
      ["configmaps", "deployments.apps"],
    ],
    [
      "cluster kinds by name in a backup of all namespaces",
      { includedResources: ["nodes", "cm"] },
      ["configmaps", "nodes"],
    ],
    [
      "no cluster kinds by name in a backup of one namespace",
      { includedResources: ["nodes", "cm"], includedNamespaces: ["a"] },
      ["configmaps"],
    ],
    [
      "all but the excluded",
      { excludedResources: ["pods", "*.k8s.io"], includedNamespaces: ["a"] },
      ["persistentvolumeclaims", "configmaps", "events", "deployments.apps"],
    ],
    [
      "scoped lists",
      { includedNamespaceScopedResources: ["cm"], includedClusterScopedResources: ["nodes"] },
      ["configmaps", "nodes"],
    ],
    ["nothing cluster-scoped beside a namespaced list", { includedNamespaceScopedResources: ["cm"] }, ["configmaps"]],
    [
      "no namespaced kind with an exclude of *",
      { excludedNamespaceScopedResources: ["*"], includedClusterScopedResources: ["*"] },
      ["persistentvolumes", ...CLUSTER],
    ],
    [
      "nothing for a kind in the wrong scope's list",
      { includedClusterScopedResources: ["cm"], excludedNamespaceScopedResources: ["*"] },
      [],
    ],
    ["nothing for an unknown name", { includedResources: ["nosuchthings"] }, []],
  ];

  it.each(rows)("%s", (_name, spec, expected) => {
    expect(listed(spec)).toEqual(expected);
  });

  it("as a resource policy adds and removes, unless the spec speaks", () => {
    const policy = {
      excludedNamespaceScopedResources: ["configmaps", "pods"],
      includedClusterScopedResources: ["nodes"],
    };

    expect(listed({ includedNamespaces: ["a"] }, { policy })).toEqual([
      "persistentvolumeclaims",
      "events",
      "nodes",
      "deployments.apps",
    ]);
    expect(listed({ includedNamespaces: ["a"], includedNamespaceScopedResources: ["cm"] }, { policy })).toEqual([
      "configmaps",
      "nodes",
    ]);
  });
});

describe("planBackup admits related objects", () => {
  const pv = { name: "persistentvolumes", namespaced: false };

  it.each([
    ["of a cluster kind that is not listed", { includedNamespaces: ["a"] }, true],
    ["of a named cluster kind", { includedNamespaces: ["a"], includedResources: ["persistentvolumes"] }, true],
    ["unless other kinds are named", { includedResources: ["cm"] }, false],
    [
      "beside named kinds where cluster resources are asked for",
      { includedResources: ["cm"], includeClusterResources: true },
      true,
    ],
    ["unless it is excluded", { excludedResources: ["pv", "persistentvolumes"] }, false],
    ["unless cluster resources are refused", { includeClusterResources: false }, false],
    ["unless a scoped list excludes it", { excludedClusterScopedResources: ["*"] }, false],
  ] as [string, BackupSpec, boolean][])("%s", (_name, spec, expected) => {
    expect(plan(spec).scope.admits(pv)).toBe(expected);
  });
});

describe("planBackup lists namespaces", () => {
  const of = (spec: BackupSpec, more = {}) => plan(spec, more).tasks[0]?.lists.map(({ namespace }) => namespace);

  it.each([
    ["all at once", {}, [""]],
    ["all at once, however many are excluded", { excludedNamespaces: ["a"] }, [""]],
    ["chosen ones one by one", { includedNamespaces: ["b", "a"] }, ["a", "b"]],
    ["only those that exist", { includedNamespaces: ["a", "gone"] }, ["a"]],
    ["none where no pattern matched", { includedNamespaces: ["x-*"] }, undefined],
  ] as [string, BackupSpec, string[] | undefined][])("%s", (_name, spec, expected) => {
    expect(of(spec)).toEqual(expected);
  });

  it("names a namespace that does not exist as an error, and patterns without a match as a warning", () => {
    expect(plan({ includedNamespaces: ["gone"] }).errors.map((error) => error.message)).toEqual([
      "fail to get the namespace gone specified in backup.Spec.IncludedNamespaces",
    ]);
    expect(plan({ includedNamespaces: ["x-*"] }).warnings).toEqual([
      "no namespaces matched the resolution of wildcard patterns",
    ]);
  });

  it("takes the empty name for no namespace, which is missed where Namespace objects are wanted", () => {
    const errors = (spec: BackupSpec) => plan({ includedNamespaces: [""], ...spec }).errors.length;

    expect(errors({})).toBe(1);
    expect(errors({ includedResources: ["nodes"], includeClusterResources: true })).toBe(0);
    expect(errors({ includedNamespaces: ["gone"], includedResources: ["pods"] })).toBe(1);
    expect(listed({ includedNamespaces: [""], includedResources: ["nodes"], includeClusterResources: true })).toEqual([
      "nodes",
    ]);
  });

  it("leaves out a namespace by its label without making the backup partial", () => {
    const labelled = plan({}, { labelledOut: ["hidden"] });

    expect(labelled.namespaces.filter.includes("hidden")).toBe(false);
    expect(labelled.tasks.map((task) => task.resource.name)).toContain("nodes");
  });
});

describe("planBackup orders", () => {
  it("named objects before the others of their kind", () => {
    const [task] = plan({ orderedResources: { pods: "a/two, b/one", persistentvolumes: "pv" } }).tasks;

    expect(task?.first).toEqual([
      { namespace: "a", name: "two" },
      { namespace: "b", name: "one" },
    ]);
  });

  it("one LIST per selector", () => {
    const [task] = plan({ orLabelSelectors: [{ matchLabels: { a: "1" } }, { matchLabels: { b: "2" } }] }).tasks;

    expect(task?.lists.map(({ selector }) => selector)).toEqual(["a=1", "b=2"]);
  });

  it("other versions only where all are asked for", () => {
    expect(plan({}).otherVersions).toEqual([]);
    expect(
      plan({ apiVersions: "All" }).otherVersions.map(({ resource }) => `${resource.name} ${resource.version}`),
    ).toEqual(["deployments.apps v1beta1"]);
  });

  it("a dead group as a warning that names it", () => {
    const { warnings } = planBackup({
      spec: {},
      discovery: { resources: RESOURCES, failures: [{ groupVersion: "x.example.org/v1", message: "stale" }] },
      namespaces: NAMESPACES,
      labelledOut: [],
    });

    expect(warnings).toEqual([expect.stringContaining("x.example.org/v1")]);
  });
});
