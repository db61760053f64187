/** What a backup selects, on a real API server. */
import { beforeAll, describe, expect, it } from "vitest";
import { compareWithLive } from "../../src/backup/compare-live.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backupRequest, keysOf, makeBackup } from "./backup-requests.ts";

// Its own: kinds that other files make and remove would be warnings of these backups.
const cluster = usePrivateCluster();
const client = useKubeClients();
const store = new MemoryStore();
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
});

const of = (namespace: string, objects: readonly string[]): string[] =>
  objects.filter((object) => object.includes(namespace)).sort();

describe("a backup of one namespace", () => {
  it("holds its objects byte for byte, its Namespace, and every file of the folder", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace },
      data: { __proto__x: "1", "a.b": "ü" },
    });
    await cluster.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace },
      stringData: { a: "b" },
    });

    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], excludedResources: ["events", "cm/kube-root"] }),
    );

    expect(made.outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 0 });
    const objects = await made.objects();
    expect(of(namespace, objects)).toEqual(
      [
        `configmaps ${namespace}/c`,
        `configmaps ${namespace}/kube-root-ca.crt`,
        `namespaces ${namespace}`,
        `secrets ${namespace}/s`,
        `serviceaccounts ${namespace}/default`,
      ].sort(),
    );
    expect(objects).toHaveLength(5);
    expect(made.outcome.itemsBackedUp).toBe(5);
    expect(await made.file("resourceList")).toMatchObject({
      "v1/Secret": [`${namespace}/s`],
      "v1/Namespace": [namespace],
    });
    const prefix = `backups/${made.name}/`;
    expect((await keysOf(store, prefix)).map((key) => key.slice(prefix.length).replace(made.name, "b"))).toEqual([
      "b-itemoperations.json.gz",
      "b-logs.gz",
      "b-podvolumebackups.json.gz",
      "b-resource-list.json.gz",
      "b-results.gz",
      "b-volumeinfo.json.gz",
      "b-volumesnapshots.json.gz",
      "b.tar.gz",
      "holdfast-claim.json",
      "holdfast-index.jsonl.gz",
      "holdfast.json",
      "velero-backup.json",
    ]);
  });

  it("is marked as Velero marks it", async () => {
    const namespace = await cluster.createNamespace();

    const made = await makeBackup(
      { kube, store },
      backupRequest(
        { includedNamespaces: [namespace], ttl: "24h" },
        { policy: { name: "shop", namespace: "holdfast", schedule: "daily" }, labels: { a: "b" } },
      ),
    );

    expect(await made.file("marker")).toMatchObject({
      apiVersion: "velero.io/v1",
      kind: "Backup",
      metadata: {
        name: made.name,
        labels: { a: "b", "velero.io/storage-location": "default", "velero.io/schedule-name": "shop-daily" },
        annotations: {
          "velero.io/source-cluster-k8s-major-version": "1",
          "holdfast.dev/manifest-sha256": made.outcome.manifestSha256,
        },
      },
      spec: { ttl: "24h0m0s", includedNamespaces: [namespace], storageLocation: "default", hooks: {}, metadata: {} },
      status: {
        version: 1,
        formatVersion: "1.1.0",
        phase: "Completed",
        expiration: made.outcome.expiration,
        progress: { itemsBackedUp: 3, totalItems: 3 },
      },
    });
    expect(Date.parse(made.outcome.expiration ?? "") - Date.parse(made.outcome.startTimestamp)).toBe(24 * 3_600_000);
  });
});

describe("a backup without a filter", () => {
  it("holds everything, cluster-scoped objects too, but no Backup or RestorePlan", async () => {
    const role = uniqueName("role");
    const namespace = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: role },
      rules: [],
    });

    const made = await makeBackup({ kube, store }, backupRequest({}));

    const later = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: `${role}-2` } };
    await cluster.create({ ...later, rules: [] });
    const added: string[] = [];
    for await (const { type, resource, name } of compareWithLive(await openBackup(store, made.name), kube))
      if (type === "added") added.push(`${resource} ${name}`);
    await cluster.delete("ClusterRole", undefined, `${role}-2`);

    expect(added).toContain(`clusterroles.rbac.authorization.k8s.io ${role}-2`);
    const objects = await made.objects();
    expect(objects).toContain(`clusterroles.rbac.authorization.k8s.io ${role}`);
    expect(objects).toContain("namespaces kube-system");
    expect(objects).toContain(`serviceaccounts ${namespace}/default`);
    expect(objects.filter((object) => /^(backups|restoreplans)\.holdfast/.test(object))).toEqual([]);
    expect(new Set(objects).size).toBe(objects.length);
    await cluster.delete("ClusterRole", undefined, role);
  });
});

describe("labels keep objects out", () => {
  it("of either product, with exactly the value true, and whole namespaces", async () => {
    const prefix = uniqueName("x");
    const shown = `${prefix}-shown`;
    const hidden = `${prefix}-hidden`;
    await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: shown } });
    await cluster.create({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: hidden, labels: { "holdfast.dev/exclude-from-backup": "true" } },
    });
    for (const [name, label, value] of [
      ["a", "velero.io", "true"],
      ["b", "holdfast.dev", "true"],
      ["c", "velero.io", "True"],
    ]) {
      const labels = { [`${label}/exclude-from-backup`]: value };
      await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: shown, labels } });
    }

    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [`${prefix}-*`], includedResources: ["cm", "ns"] }),
    );
    const named = await makeBackup({ kube, store }, backupRequest({ includedNamespaces: [hidden] }));

    expect(of("configmaps", await made.objects()).filter((object) => !object.endsWith("kube-root-ca.crt"))).toEqual([
      `configmaps ${shown}/c`,
    ]);
    expect(of("namespaces", await made.objects())).toEqual([`namespaces ${shown}`]);
    expect(named.outcome).toMatchObject({
      phase: "FailedValidation",
      validationErrors: [
        `Invalid included/excluded namespace lists: excludes list cannot contain an item in the includes list: ${hidden}`,
      ],
    });
    expect(await keysOf(store, `backups/${named.name}/`)).toEqual([]);
    for (const name of [shown, hidden]) await cluster.request("DELETE", `/api/v1/namespaces/${name}`);
  });
});

it("an object that is being deleted stays out, without a warning", async () => {
  const namespace = await cluster.createNamespace();
  const going = { name: "going", namespace, finalizers: ["example.com/slow"] };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: going });
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "staying", namespace } });
  await cluster.request("DELETE", `/api/v1/namespaces/${namespace}/configmaps/going`);

  const made = await makeBackup(
    { kube, store },
    backupRequest({ includedNamespaces: [namespace], includedResources: ["cm"] }),
  );
  await cluster.patch("ConfigMap", namespace, "going", { metadata: { finalizers: null } });

  expect(made.outcome).toMatchObject({ phase: "Completed", warnings: 0 });
  expect((await made.objects()).filter((object) => !object.endsWith("kube-root-ca.crt"))).toEqual([
    `configmaps ${namespace}/staying`,
  ]);
});

describe("label selectors", () => {
  it("choose listed objects, any of several, and bring the Namespace", async () => {
    const namespace = await cluster.createNamespace();
    for (const [name, color] of [
      ["red", "red"],
      ["blue", "blue"],
      ["none", ""],
    ]) {
      const labels = color === "" ? {} : { color };
      await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels } });
    }

    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        orLabelSelectors: [
          { matchLabels: { color: "red" } },
          { matchExpressions: [{ key: "color", operator: "In", values: ["blue", "red"] }] },
        ],
      }),
    );

    expect((await made.objects()).sort()).toEqual([
      `configmaps ${namespace}/blue`,
      `configmaps ${namespace}/red`,
      `namespaces ${namespace}`,
    ]);
  });
});

describe("a resource policy", () => {
  it("includes and excludes kinds, but where the spec speaks of them itself", async () => {
    const namespace = await cluster.createNamespace();
    const name = uniqueName("class");
    await cluster.create({
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value: 5,
    });
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace } });
    const policy = `version: v1
includeExcludePolicy:
  includedClusterScopedResources: [priorityclasses.scheduling.k8s.io]
  excludedNamespaceScopedResources: [secrets, sa]
`;
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "p", namespace }, data: { policy } });
    const spec = { includedNamespaces: [namespace], resourcePolicy: { kind: "configmap", name: "p" } };
    const make = async (more: object) =>
      await makeBackup({ kube, store }, backupRequest({ ...spec, ...more }, { namespace }));

    const byPolicy = await make({});
    const bySpec = await make({ includedNamespaceScopedResources: ["configmaps", "secrets"] });
    const mixed = await make({ includedResources: ["secrets"] });

    const kinds = async (made: typeof byPolicy): Promise<string[]> =>
      [...new Set((await made.objects()).map((object) => object.split(" ")[0] ?? ""))].sort();
    expect(await byPolicy.objects()).toContain(`priorityclasses.scheduling.k8s.io ${name}`);
    expect(await kinds(byPolicy)).toEqual(["configmaps", "namespaces", "priorityclasses.scheduling.k8s.io"]);
    expect(await kinds(bySpec)).toEqual(["configmaps", "namespaces", "priorityclasses.scheduling.k8s.io", "secrets"]);
    expect([mixed.outcome.phase, mixed.outcome.validationErrors]).toEqual([
      "FailedValidation",
      [expect.stringContaining("cannot be used with include-exclude policies")],
    ]);
    await cluster.delete("PriorityClass", undefined, name);
  });
});

describe("what is missing", () => {
  it("a namespace named and not there makes the backup PartiallyFailed", async () => {
    const made = await makeBackup({ kube, store }, backupRequest({ includedNamespaces: ["no-such-namespace"] }));

    expect(made.outcome.phase).toBe("PartiallyFailed");
    expect(made.outcome.results.errors).toEqual({
      velero: [
        " resource: /namespaces message: /fail to get the namespace no-such-namespace specified in backup.Spec.IncludedNamespaces",
      ],
    });
    expect(await made.objects()).toEqual([]);
  });

  it("an empty name is no namespace: cluster-scoped objects alone", async () => {
    const name = uniqueName("alone");
    await cluster.create({ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value: 5 });

    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [""], includedResources: ["pc"], includeClusterResources: true }),
    );
    await cluster.delete("PriorityClass", undefined, name);

    expect(made.outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 0 });
    expect((await made.objects()).filter((object) => !object.includes(" system-"))).toEqual([
      `priorityclasses.scheduling.k8s.io ${name}`,
    ]);
  });

  it("patterns that match nothing are a warning, not everything", async () => {
    const made = await makeBackup({ kube, store }, backupRequest({ includedNamespaces: ["no-such-*"] }));

    expect([made.outcome.phase, made.outcome.warnings]).toEqual(["Completed", 1]);
    expect(await made.objects()).toEqual([]);
  });
});

describe("a safety backup", () => {
  it("holds exactly the objects named, whatever their labels, and no more", async () => {
    const namespace = await cluster.createNamespace();
    const labels = { "velero.io/exclude-from-backup": "true" };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace, labels } });
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b", namespace } });

    const made = await makeBackup(
      { kube, store },
      backupRequest(
        {},
        {
          objects: [
            { resource: "configmaps", key: { namespace, name: "a" } },
            { resource: "configmaps", key: { namespace, name: "gone" } },
            { resource: "namespaces", key: { namespace: "", name: namespace } },
          ],
        },
      ),
    );

    expect(made.outcome).toMatchObject({ phase: "Completed", warnings: 0, itemsBackedUp: 2 });
    expect((await made.objects()).sort()).toEqual([`configmaps ${namespace}/a`, `namespaces ${namespace}`]);
  });
});
