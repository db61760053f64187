/** Related objects are followed to the fixed point, each once, on a real API server. */
import { beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup } from "./backup-requests.ts";

const cluster = useTestCluster({ nodes: true });
const client = useKubeClients();
const store = new MemoryStore();
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
});

const RBAC = "rbac.authorization.k8s.io";

/** A pod labelled `app: x` whose claim, volume, priority class, account, binding and role carry no label. */
async function createShop(namespace: string, prefix: string): Promise<void> {
  await cluster.create({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: prefix },
    value: 5,
  });
  await cluster.create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: prefix },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: prefix,
      hostPath: { path: `/tmp/${prefix}` },
    },
  });
  await cluster.create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "disk", namespace },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: prefix,
      volumeName: prefix,
      resources: { requests: { storage: "1Gi" } },
    },
  });
  await cluster.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "runner", namespace } });
  await cluster.create({ apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: { name: prefix }, rules: [] });
  await cluster.create({
    apiVersion: `${RBAC}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: prefix },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: prefix },
    subjects: [{ kind: "ServiceAccount", name: "runner", namespace }],
  });
  await cluster.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace, labels: { app: "x" } },
    spec: {
      serviceAccountName: "runner",
      priorityClassName: prefix,
      containers: [{ name: "c", image: "i", volumeMounts: [{ name: "d", mountPath: "/d" }] }],
      volumes: [{ name: "d", persistentVolumeClaim: { claimName: "disk" } }],
    },
  });
  await cluster.waitFor(
    "PersistentVolumeClaim",
    namespace,
    "disk",
    (claim) => (claim as unknown as { status: { phase: string } }).status.phase === "Bound",
  );
}

describe("related objects", () => {
  const prefix = uniqueName("rel");
  let namespace: string;

  beforeAll(async () => {
    namespace = await cluster.createNamespace();
    await createShop(namespace, prefix);
  });

  const expected = (): string[] =>
    [
      `pods ${namespace}/p`,
      `persistentvolumeclaims ${namespace}/disk`,
      `persistentvolumes ${prefix}`,
      `priorityclasses.scheduling.k8s.io ${prefix}`,
      `serviceaccounts ${namespace}/runner`,
      `clusterrolebindings.${RBAC} ${prefix}`,
      `clusterroles.${RBAC} ${prefix}`,
      `namespaces ${namespace}`,
    ].sort();

  it("come with a labelled pod: claim, volume, class, account, binding, role", async () => {
    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], labelSelector: { matchLabels: { app: "x" } } }),
    );

    expect((await made.objects()).sort()).toEqual(expected());
    expect(made.outcome.phase).toBe("Completed");
  });

  it("are the same when names are fetched by LIST instead of one by one", async () => {
    const made = await makeBackup(
      { kube, store, limits: { relatedGets: 0, pageSize: 2 } },
      backupRequest({ includedNamespaces: [namespace], labelSelector: { matchLabels: { app: "x" } } }),
    );

    expect((await made.objects()).sort()).toEqual(expected());
  });

  it("stay out where the filters exclude their kind", async () => {
    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        labelSelector: { matchLabels: { app: "x" } },
        includeClusterResources: false,
        excludedResources: ["sa"],
      }),
    );

    expect((await made.objects()).sort()).toEqual([`persistentvolumeclaims ${namespace}/disk`, `pods ${namespace}/p`]);
  });

  it("tell that the volume's data is not there", async () => {
    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], includedResources: ["pvc"] }),
    );

    expect(made.outcome.unprotectedVolumes).toEqual([
      expect.objectContaining({ namespace, name: "disk", volumeName: prefix, intended: false }),
    ]);
    expect(made.outcome.results.warnings.namespaces?.[namespace]).toEqual([
      expect.stringMatching(new RegExp(`data of volume ${prefix} is not in this backup`)),
    ]);
    expect(await made.file("volumeInfo")).toEqual([
      expect.objectContaining({
        pvcName: "disk",
        pvcNamespace: namespace,
        pvName: prefix,
        skipped: true,
        pvInfo: { reclaimPolicy: "Retain", labels: null },
      }),
    ]);
  });

  it("say nothing of a volume that a policy skips", async () => {
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "policy", namespace },
      data: {
        "policy.yaml": `version: v1\nvolumePolicies: [{conditions: {storageClass: [${prefix}], capacity: "0,10Gi"}, action: {type: skip}}]`,
      },
    });

    const made = await makeBackup(
      { kube, store },
      backupRequest(
        {
          includedNamespaces: [namespace],
          includedResources: ["pvc"],
          resourcePolicy: { kind: "configmap", name: "policy" },
        },
        { namespace },
      ),
    );

    expect(made.outcome).toMatchObject({
      warnings: 0,
      unprotectedVolumes: [{ intended: true, reason: "skipped by the volume policy" }],
    });
  });
});

describe("custom resources", () => {
  it("bring their CRD, with numbers beyond a double unharmed, unless CRDs are excluded", async () => {
    const namespace = await cluster.createNamespace();
    const group = `${uniqueName("g")}.example.org`;
    await cluster.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
              },
            },
          },
        ],
      },
    });
    await cluster.request(
      "POST",
      `/apis/${group}/v1/namespaces/${namespace}/things`,
      `{"apiVersion":"${group}/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"n":9007199254740993}}`,
    );

    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        excludedNamespaceScopedResources: ["configmaps", "serviceaccounts"],
      }),
    );
    const without = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], excludedResources: ["crd", "cm", "sa"] }),
    );

    expect((await made.objects()).sort()).toEqual([
      `customresourcedefinitions.apiextensions.k8s.io things.${group}`,
      `namespaces ${namespace}`,
      `things.${group} ${namespace}/t`,
    ]);
    expect((await without.objects()).sort()).toEqual([`namespaces ${namespace}`, `things.${group} ${namespace}/t`]);
    await cluster.delete("CustomResourceDefinition", undefined, `things.${group}`);
  });
});
