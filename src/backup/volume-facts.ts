/** What the archive's claims and volumes say about volume data. */
import type { KubeObject } from "../api/object.ts";
import type { ResourcePolicy } from "../api/resource-policy.ts";
import { parseQuantity, type VolumeFacts, volumeAction } from "../api/volume-policy.ts";
import {
  type ArchivedClaim,
  type ArchivedVolume,
  type UnprotectedVolume,
  unprotectedVolume,
} from "../volumes/unprotected.ts";
import { at, volumeOf } from "./item-plan.ts";

/** A claim with what a volume policy asks about it. */
export interface ClaimFacts extends ArchivedClaim {
  readonly labels: Readonly<Record<string, string>>;
  readonly phase: string;
  readonly volumeMode: string;
  readonly accessModes: readonly string[];
  readonly storageClass: string;
  readonly capacity: string;
}

/** A volume with what a volume policy asks about it. */
export interface PersistentVolumeFacts extends ArchivedVolume {
  readonly storageClass: string;
  readonly capacity: string;
  /** Field of `spec` that names the source, and its content. */
  readonly type: string;
  readonly source: unknown;
}

/** Fields of a PersistentVolume's spec that are no volume source. */
const NOT_A_SOURCE = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

export function readClaim(claim: KubeObject): ClaimFacts {
  return {
    namespace: claim.metadata.namespace ?? "",
    name: claim.metadata.name,
    volumeName: volumeOf(claim)[0] ?? "",
    labels: claim.metadata.labels ?? {},
    phase: text(at(claim, "status", "phase")),
    volumeMode: text(at(claim, "spec", "volumeMode")),
    accessModes: list(at(claim, "spec", "accessModes")),
    storageClass: text(at(claim, "spec", "storageClassName")),
    capacity: text(at(claim, "spec", "resources", "requests", "storage")),
  };
}

export function readVolume(volume: KubeObject): PersistentVolumeFacts {
  const spec = typeof volume.spec === "object" && volume.spec !== null ? volume.spec : {};
  const [type = "", source] = Object.entries(spec).find(([field]) => !NOT_A_SOURCE.has(field)) ?? [];
  return {
    name: volume.metadata.name,
    reclaimPolicy: text(at(volume, "spec", "persistentVolumeReclaimPolicy")),
    labels: volume.metadata.labels,
    storageClass: text(at(volume, "spec", "storageClassName")),
    capacity: text(at(volume, "spec", "capacity", "storage")),
    type,
    source,
  };
}

/** Every bound claim whose data is not in the backup, with the reason. */
export function unprotectedVolumes(
  claims: readonly ClaimFacts[],
  volumes: ReadonlyMap<string, PersistentVolumeFacts>,
  policy: ResourcePolicy | undefined,
): UnprotectedVolume[] {
  return claims.flatMap((claim) => {
    const action =
      policy === undefined
        ? undefined
        : volumeAction(policy.volumePolicies, volumeFacts(claim, volumes.get(claim.volumeName)));
    const skipped =
      action === "skip"
        ? "skipped by the volume policy"
        : action === "custom"
          ? "left to another tool by the volume policy"
          : undefined;
    return unprotectedVolume(claim, skipped) ?? [];
  });
}

function volumeFacts(claim: ClaimFacts, volume: PersistentVolumeFacts | undefined): VolumeFacts {
  const source = volume?.source;
  return {
    capacityBytes: parseQuantity(volume?.capacity ?? claim.capacity),
    storageClass: volume?.storageClass ?? claim.storageClass,
    ...(volume?.type === "nfs" ? { nfs: { server: text(at(source, "server")), path: text(at(source, "path")) } } : {}),
    ...(volume?.type === "csi"
      ? { csi: { driver: text(at(source, "driver")), volumeAttributes: texts(at(source, "volumeAttributes")) } }
      : {}),
    volumeType: volume?.type ?? "",
    pvcLabels: claim.labels,
    pvcPhase: claim.phase,
    pvcVolumeMode: claim.volumeMode,
    pvcAccessModes: claim.accessModes,
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function texts(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)]));
}
