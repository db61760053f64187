/** The filters of a restore's resource policy, on a real API server. */
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import type { RestorePlanSpec } from "../../src/api/kinds.generated.ts";
import type { KubeObject } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { loadRestoreInputs, type RestoreInputs } from "../../src/restore/inputs.ts";
import { restoreKeys } from "../../src/storage/layout.ts";
import type { MemoryStore } from "../../src/storage/memory-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import type { TestItem } from "../../src/storage/testing.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, plan, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
});

interface World {
  readonly store: MemoryStore;
  readonly namespace: string;
  readonly other: string;
  readonly gold: string;
  readonly iron: string;
}

/** Two namespaces that are not there any more, with the same objects, and two cluster-scoped ones. */
async function world(unserved: (namespace: string) => TestItem[] = () => []): Promise<World> {
  const prefix = uniqueName("f");
  const [namespace, other, gold, iron] = [`${prefix}-web`, `${prefix}-db`, `${prefix}-gold`, `${prefix}-iron`];
  const inside = [namespace, other].flatMap((home) => [
    configMap(home, "app", { a: "1" }, { labels: { app: "x" } }),
    configMap(home, "app-tmp", { a: "1" }, { labels: { app: "x" } }),
    configMap(home, "app-bare", { a: "1" }),
    configMap(home, "plain", { a: "1" }, { labels: { app: "x", spec: "yes" } }),
    { apiVersion: "v1", kind: "Secret", metadata: { name: "key", namespace: home, labels: { spec: "yes" } } },
  ]);
  const classes = [gold, iron].map((name) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value: 5,
  }));
  const store = await backUp(kube, [...inside, ...classes], "backup", unserved(namespace));
  return { store, namespace, other, gold, iron };
}

/** A spec with a policy, and what is read of the ConfigMap that it names. */
async function policyOf(
  text: string,
  spec: Partial<RestorePlanSpec> = {},
): Promise<RestoreInputs & { spec: RestorePlanSpec }> {
  const home = await cluster.createNamespace();
  await cluster.create(configMap(home, "filters", { policy: `version: v1\n${text}` }));
  const whole = { source: { backupName: "backup" }, resourcePolicy: { kind: "configmap", name: "filters" }, ...spec };
  return { spec: whole, ...(await loadRestoreInputs(kube, whole, home, home)) };
}

const filtersOf = ({ namespace, gold }: World): string => `namespacedFilterPolicies:
- namespaces: ["${namespace.slice(0, -1)}?"]
  resourceFilters:
  - {kinds: [ConfigMap], names: ["app*"], excludedNames: ["*-tmp"], labelSelector: {matchLabels: {app: x}}}
clusterScopedFilterPolicy:
  resourceFilters: [{kinds: [PriorityClass], names: ["${gold}"]}]
`;

/** What a namespace holds but what the cluster makes in each. */
async function namesIn(kind: string, namespace: string): Promise<string[]> {
  const found = await cluster.list(kind, namespace);
  return found
    .map(({ metadata }) => metadata.name)
    .filter((name) => name !== "kube-root-ca.crt")
    .sort();
}

describe("the filters of a policy", () => {
  it("choose what comes back, by namespace, kind, name and labels, and the plan says what they leave out", async () => {
    const made = await world();
    const { store, namespace, other, gold, iron } = made;
    const spec = {
      labelSelector: { matchLabels: { spec: "yes" } },
      namespaceMapping: { [namespace]: `${namespace}-copy` },
    };
    const asked = await policyOf(filtersOf(made), spec);

    const { entries, summary } = await plan(kube, store, asked);
    const { outcome } = await restore(kube, store, asked);

    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 0 });
    // Filters go by the names in the backup.
    expect(await namesIn("ConfigMap", `${namespace}-copy`)).toEqual(["app"]);
    expect(await namesIn("Secret", `${namespace}-copy`)).toEqual([]);
    // No filter is about this namespace: the spec's selector is.
    expect(await namesIn("ConfigMap", other)).toEqual(["plain"]);
    expect(await namesIn("Secret", other)).toEqual(["key"]);
    const classes = (await cluster.list("PriorityClass")).map(({ metadata }) => metadata.name);
    expect(classes.filter((name) => name === gold || name === iron)).toEqual([gold]);
    expect(entries.map(({ resource, name }) => `${resource} ${name}`).sort()).toEqual(
      [
        "configmaps app",
        "configmaps plain",
        `namespaces ${namespace}-copy`,
        `namespaces ${other}`,
        `priorityclasses.scheduling.k8s.io ${gold}`,
        "secrets key",
      ].sort(),
    );
    expect([...summary.notes].sort()).toEqual(notesOf(made).sort());
    const log = gunzipSync(await readAll(await store.get(restoreKeys("restore-20260102030405").logs))).toString();
    for (const note of notesOf(made)) expect(log).toContain(`level=info msg=${JSON.stringify(note)}`);
    await cluster.delete("PriorityClass", undefined, gold);
  });

  it("don't hold for what a chosen object needs", async () => {
    const { namespace, gold, iron } = await world();
    const pod: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace },
      spec: { priorityClassName: iron, containers: [{ name: "c", image: "i" }] },
    };
    const made = ["gold", "iron"].map((metal) => ({
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: metal === "gold" ? gold : iron },
      value: 5,
    }));
    const store = await backUp(kube, [pod, ...made]);
    const asked = await policyOf(`namespacedFilterPolicies:
- {namespaces: ["${namespace}"], resourceFilters: [{kinds: [Pod]}]}
clusterScopedFilterPolicy:
  resourceFilters: [{kinds: [PriorityClass], names: [none-has-this-name]}]
`);

    const { entries } = await plan(kube, store, asked);

    expect(entries.map(({ resource, name }) => `${resource} ${name}`)).toEqual([
      `priorityclasses.scheduling.k8s.io ${iron}`,
      `namespaces ${namespace}`,
      "pods web",
    ]);
  });

  it("know a kind that only the backup has, and warn of one that nobody knows", async () => {
    const widget = (namespace: string, name: string): TestItem => ({
      resource: "widgets.shop.example.com",
      object: { apiVersion: "shop.example.com/v1", kind: "Widget", metadata: { name, namespace } },
    });
    const { store, namespace } = await world((home) => [widget(home, "one"), widget(home, "two")]);
    const asked = await policyOf(
      `namespacedFilterPolicies: [{namespaces: ["${namespace}"], resourceFilters: [{kinds: [widget], names: [one]}, {kinds: [Ghost]}]}]`,
      { includedNamespaces: [namespace] },
    );

    const { entries, summary } = await plan(kube, store, asked);

    expect(entries.map(({ resource, name }) => `${resource} ${name}`)).toEqual([
      `namespaces ${namespace}`,
      "widgets.shop.example.com one",
    ]);
    expect(summary.notes).toContain(
      'resourcePolicy: namespacedFilterPolicies[0].resourceFilters[1]: kind "Ghost" is neither served here nor in the backup: the filter selects nothing of it',
    );
  });

  it("are part of a plan's digest, word by word", async () => {
    const made = await world();
    const asked = await policyOf(filtersOf(made));
    const changed = { ...asked, policyData: { policy: `version: v1\n${filtersOf(made)}# and a word more` } };

    const [one, same] = [await plan(kube, made.store, asked), await plan(kube, made.store, asked)];
    const other = await plan(kube, made.store, changed);

    expect(other.entries).toEqual(one.entries);
    expect(same.summary.digest).toBe(one.summary.digest);
    expect(other.summary.digest).not.toBe(one.summary.digest);
  });
});

function notesOf({ namespace, iron }: World): string[] {
  const why = "namespacedFilterPolicies[0]";
  const told = "the resource policy leaves out";
  return [
    `${told} 2 of configmaps: ${why}.resourceFilters[0] takes other names (${namespace}/app-tmp, ${namespace}/plain)`,
    `${told} 1 of configmaps: ${why}.resourceFilters[0] takes other labels (${namespace}/app-bare)`,
    `${told} 1 of secrets: ${why} has no filter for them (${namespace}/key)`,
    `${told} 1 of priorityclasses.scheduling.k8s.io: clusterScopedFilterPolicy.resourceFilters[0] takes other names (${iron})`,
  ];
}

describe("a policy that can't be followed", () => {
  const refused = "clusterScopedFilterPolicy: {resourceFilters: [{kinds: ['*']}]}";

  it.each<[string, string, RegExp]>([
    ["can't be read", refused, /^resourcePolicy: .*clusterScopedFilterPolicy\.resourceFilters\[0\]: kinds must be/],
    ["is one of backups", "volumePolicies: [{conditions: {}, action: {type: skip}}]", /volumePolicies not supported/],
  ])("restores nothing where it %s", async (_what, text, problem) => {
    const { store, namespace } = await world();
    const asked = await policyOf(text);

    const { outcome } = await restore(kube, store, asked);

    expect(outcome).toMatchObject({
      phase: "FailedValidation",
      validationErrors: [expect.stringMatching(problem)],
      totalItems: 0,
    });
    await expect(plan(kube, store, asked)).rejects.toMatchObject({ code: "InvalidSpec" });
    expect(await cluster.get("Namespace", undefined, namespace).catch(() => undefined)).toBeUndefined();
  });

  it("restores nothing where two names in it are one resource, or where its ConfigMap is gone", async () => {
    const { store, namespace } = await world();
    const twice = await policyOf(
      `namespacedFilterPolicies: [{namespaces: ["${namespace}"], resourceFilters: [{kinds: [ConfigMap]}, {kinds: [cm]}]}]`,
    );
    const { policyData: _gone, ...without } = twice;

    await expect(plan(kube, store, twice)).rejects.toMatchObject({
      code: "InvalidSpec",
      message: expect.stringMatching(/"ConfigMap" of resourceFilters\[0\] and "cm" of resourceFilters\[1\] are both/),
    });
    const { outcome } = await restore(kube, store, twice);
    const { outcome: missing } = await restore(kube, store, without);

    expect(outcome).toMatchObject({ phase: "Failed", totalItems: 0 });
    expect(missing.validationErrors).toEqual([
      "resourcePolicy: fail to get ResourcePolicies filters ConfigMap: it is not in the RestorePlan's namespace",
    ]);
  });
});
