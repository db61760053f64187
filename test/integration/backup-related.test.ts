/** Related objects are followed to the fixed point, each once, on a real API server. */
import { beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { createBoundClaim } from "../support/bound-claim.ts";
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
  await createBoundClaim(cluster, { namespace, storageClass: prefix, name: "disk", volumeName: prefix });
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

  it("are followed through a binding that is excluded itself", async () => {
    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        labelSelector: { matchLabels: { app: "x" } },
        excludedResources: ["clusterrolebindings"],
      }),
    );

    const objects = (await made.objects()).filter((object) => object.includes(RBAC));
    expect(objects).toEqual([`clusterroles.${RBAC} ${prefix}`]);
  });

  it("tell that the volume's data is not there", async () => {
    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], includedResources: ["pvc", "pv"] }),
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

  it.each([
    ["its class and capacity", () => `{storageClass: [${prefix}], capacity: "0,10Gi"}`, true],
    [
      "the modes of its claim",
      () => "{pvcVolumeMode: Filesystem, pvcAccessModes: [ReadWriteOnce], pvcPhase: [Bound]}",
      true,
    ],
    ["another volume mode", () => "{pvcVolumeMode: Block}", false],
    ["more access modes", () => "{pvcAccessModes: [ReadWriteOnce, ReadOnlyMany]}", false],
  ])("say nothing of a volume that a policy skips by %s", async (_what, conditions, intended) => {
    const name = uniqueName("policy");
    const policy = `version: v1\nvolumePolicies: [{conditions: ${conditions()}, action: {type: skip}}]`;
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { policy } });

    const made = await makeBackup(
      { kube, store },
      backupRequest(
        {
          includedNamespaces: [namespace],
          includedResources: ["pvc"],
          resourcePolicy: { kind: "configmap", name },
        },
        { namespace },
      ),
    );

    expect(made.outcome).toMatchObject({ warnings: intended ? 0 : 1, unprotectedVolumes: [{ intended }] });
    expect(made.outcome.unprotectedVolumes[0]?.reason === "skipped by the volume policy").toBe(intended);
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
      `{"apiVersion":"${group}/v1","kind":"Thing","metadata":{"name":"t","labels":{"app":"t"}},"spec":{"n":9007199254740993}}`,
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
    // CRDs are listed here, and this one does not carry the label.
    const labelled = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        includedClusterScopedResources: ["crd"],
        labelSelector: { matchLabels: { app: "t" } },
      }),
    );

    expect((await made.objects()).sort()).toEqual([
      `customresourcedefinitions.apiextensions.k8s.io things.${group}`,
      `namespaces ${namespace}`,
      `things.${group} ${namespace}/t`,
    ]);
    expect((await without.objects()).sort()).toEqual([`namespaces ${namespace}`, `things.${group} ${namespace}/t`]);
    expect(await labelled.objects()).toContain(`customresourcedefinitions.apiextensions.k8s.io things.${group}`);
    await cluster.delete("CustomResourceDefinition", undefined, `things.${group}`);
  });
});
