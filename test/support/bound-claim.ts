import type { TestCluster } from "./test-cluster.ts";

export interface BoundClaim {
  readonly namespace: string;
  /** Of the storage class; so is the claim called, unless told. */
  readonly storageClass: string;
  readonly name?: string;
  /** `<namespace>-<storageClass>`, unless told. */
  readonly volumeName?: string;
}

/** Makes a claim and a volume of its own, and waits until they are bound. */
export async function createBoundClaim(
  cluster: TestCluster,
  { namespace, storageClass, name = storageClass, volumeName = `${namespace}-${storageClass}` }: BoundClaim,
): Promise<void> {
  const shared = { accessModes: ["ReadWriteOnce"], storageClassName: storageClass };
  const storage = { storage: "1Gi" };
  await cluster.create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volumeName },
    spec: {
      ...shared,
      capacity: storage,
      persistentVolumeReclaimPolicy: "Retain",
      hostPath: { path: `/tmp/${volumeName}` },
    },
  });
  await cluster.create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace },
    spec: { ...shared, volumeName, resources: { requests: storage } },
  });
  await cluster.waitFor(
    "PersistentVolumeClaim",
    namespace,
    name,
    (claim) => (claim as { readonly status?: { readonly phase?: string } }).status?.phase === "Bound",
  );
}
