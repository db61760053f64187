import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/object.ts";
import { restoreOptions } from "../options.ts";
import type { KindContext, KnownWorld } from "./handler.ts";
import { prepareKind } from "./registry.ts";

const KNOWN: KnownWorld = {
  storageClassExists: (name) => name === "fast",
  serviceAccountExists: (namespace, name) => namespace === "a" && name === "builder",
  isDynamicVolume: (name) => name === "gone",
  volumeMethod: ({ metadata }) => (metadata.name === "saved" ? "CSISnapshot" : undefined),
};

function prepare(
  resource: string,
  object: Record<string, unknown>,
  spec: object = {},
  archived = object,
): { object: KubeObject; result: ReturnType<typeof prepareKind> } {
  const copy = structuredClone({
    apiVersion: "v1",
    kind: "X",
    metadata: { name: "x", namespace: "a" },
    ...object,
  }) as KubeObject;
  const context: KindContext = {
    options: restoreOptions(
      {
        source: { backupName: "b" },
        namespaceMapping: { a: "b" },
        storageClassMapping: { slow: "fast", old: "absent" },
        ...spec,
      },
      (name) => name,
      { imageMapping: ["old.example.org,new.example.org"] },
    ),
    sourceNamespace: "a",
    targetNamespace: "b",
    archived: { apiVersion: "v1", kind: "X", metadata: { name: "x" }, ...archived } as KubeObject,
    known: KNOWN,
  };
  return { result: prepareKind(resource, copy, context), object: copy };
}

describe("what each kind needs", () => {
  it.each([
    ["a finished pod", "pods", { status: { phase: "Succeeded" } }, "Finished"],
    [
      "a mirror pod",
      "pods",
      { metadata: { name: "x", annotations: { "kubernetes.io/config.mirror": "1" } } },
      "MirrorPod",
    ],
    ["a completed Job", "jobs.batch", { status: { completionTime: "2026-01-01T00:00:00Z" } }, "Finished"],
    [
      "a volume with policy Delete",
      "persistentvolumes",
      { spec: { persistentVolumeReclaimPolicy: "Delete" } },
      "DynamicVolume",
    ],
    [
      "a volume whose data was saved elsewhere",
      "persistentvolumes",
      { metadata: { name: "saved" }, spec: {} },
      "DynamicVolume",
    ],
    [
      "an APIService the server makes",
      "apiservices.apiregistration.k8s.io",
      { metadata: { name: "x", labels: { "kube-aggregator.kubernetes.io/automanaged": "true" } } },
      "AutoManaged",
    ],
    [
      "a generated token",
      "secrets",
      {
        type: "kubernetes.io/service-account-token",
        metadata: { name: "builder-token-x", annotations: { "kubernetes.io/service-account.name": "builder" } },
      },
      "ServiceAccountToken",
    ],
  ])("skips %s", (_name, resource, object, reason) => {
    expect(prepare(resource, object).result).toMatchObject({ type: "skip", reason });
  });

  it("fails a claim whose mapped storage class does not exist", () => {
    expect(prepare("persistentvolumeclaims", { spec: { storageClassName: "old" } }).result).toMatchObject({
      type: "fail",
      reason: "StorageClassMissing",
    });
  });

  it.each([
    [
      "a pod's node, priority and token volumes",
      "pods",
      {
        spec: {
          nodeName: "n",
          priority: 1,
          serviceAccountName: "sa",
          volumes: [{ name: "sa-token-1" }, { name: "v" }],
          containers: [{ name: "c", image: "old.example.org/i:1", volumeMounts: [{ name: "sa-token-1" }] }],
        },
      },
      {
        serviceAccountName: "sa",
        volumes: [{ name: "v" }],
        containers: [{ name: "c", image: "new.example.org/i:1", volumeMounts: [] }],
      },
    ],
    [
      "a Job's selector of the old uid",
      "jobs.batch",
      {
        spec: {
          selector: { matchLabels: { "controller-uid": "u" } },
          template: { metadata: { labels: { "batch.kubernetes.io/controller-uid": "u", app: "a" } } },
        },
      },
      { selector: {}, template: { metadata: { labels: { app: "a" } } } },
    ],
    [
      "a volume's old claim",
      "persistentvolumes",
      { spec: { claimRef: { namespace: "a", name: "c", uid: "u", resourceVersion: "1" } } },
      { claimRef: { namespace: "b", name: "c" } },
    ],
    [
      "a claim's volume that will not come back",
      "persistentvolumeclaims",
      { spec: { volumeName: "gone", storageClassName: "slow" } },
      { storageClassName: "fast" },
    ],
    [
      "a headless Service's address is kept",
      "services",
      { spec: { clusterIP: "None", clusterIPs: ["None"] } },
      { clusterIP: "None", clusterIPs: ["None"] },
    ],
    [
      "an address the cluster assigned",
      "services",
      { spec: { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], type: "ClusterIP" } },
      { type: "ClusterIP" },
    ],
  ])("%s", (_name, resource, object, spec) => {
    const prepared = prepare(resource, object);

    expect(prepared.result.type).toBe("keep");
    expect(prepared.object.spec).toEqual(spec);
  });

  const ports = [
    { name: "a", port: 80, protocol: "TCP", nodePort: 30001 },
    { name: "b", port: 81, protocol: "TCP", nodePort: 30002 },
  ];
  const managed = [
    { fieldsV1: { "f:spec": { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { "f:nodePort": {} } } } } },
  ];
  const applied = {
    "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({
      spec: { ports: [{ name: "b", nodePort: 30002 }] },
    }),
  };

  it.each([
    ["drops assigned node ports", {}, {}, [undefined, undefined]],
    ["keeps those a manager set", { managedFields: managed }, {}, [30001, undefined]],
    [
      "keeps those applied, whatever the managers say",
      { managedFields: managed, annotations: applied },
      {},
      [undefined, 30002],
    ],
    ["keeps all when asked", {}, { preserveNodePorts: true }, [30001, 30002]],
  ])("%s", (_name, metadata, spec, expected) => {
    const { object } = prepare(
      "services",
      { metadata: { name: "x", ...metadata }, spec: { type: "NodePort", ports } },
      spec,
    );

    expect((object.spec as { ports: { nodePort?: number }[] }).ports.map(({ nodePort }) => nodePort)).toEqual(expected);
  });

  it("moves a binding's service accounts with their namespace, and no other subject", () => {
    const { object } = prepare("rolebindings.rbac.authorization.k8s.io", {
      subjects: [
        { kind: "ServiceAccount", name: "s", namespace: "a" },
        { kind: "User", name: "system:serviceaccount:a:s" },
      ],
    });

    expect(object.subjects).toEqual([
      { kind: "ServiceAccount", name: "s", namespace: "b" },
      { kind: "User", name: "system:serviceaccount:a:s" },
    ]);
  });

  it("puts a hook's init container in front", () => {
    const annotations = {
      "init.hook.restore.velero.io/container-image": "i",
      "init.hook.restore.velero.io/command": '["sh","-c","true"]',
    };
    const { object } = prepare("pods", {
      metadata: { name: "x", annotations },
      spec: { initContainers: [{ name: "restore-wait" }, { name: "own" }] },
    });

    const names = (object.spec as { initContainers: { name: string }[] }).initContainers.map(({ name }) => name);
    expect(names).toEqual(["restore-wait", expect.stringMatching(/^velero-restore-init-[0-9a-f]{8}$/), "own"]);
  });
});
