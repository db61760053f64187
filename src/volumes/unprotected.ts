/**
 * Volumes: which volume data a backup holds. No data is copied yet, so this folder says, claim by claim, that it is not
 * there and why; snapshots and movers will stand beside it.
 */

/** A claim that is in the backup, as far as its volume matters. */
export interface ArchivedClaim {
  readonly namespace: string;
  readonly name: string;
  /** The bound volume, or "" while there is none. */
  readonly volumeName: string;
}

/** A volume that is in the backup. */
export interface ArchivedVolume {
  readonly name: string;
  readonly reclaimPolicy: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** A claim whose data is not in the backup. */
export interface UnprotectedVolume {
  readonly namespace: string;
  /** The claim. */
  readonly name: string;
  readonly volumeName: string;
  readonly reason: string;
  /** True when a volume policy says that the data is not wanted: a row, but nothing to warn of. */
  readonly intended: boolean;
}

/** Why the data of every volume is missing, unless something more precise can be said. */
export const NOT_COPIED =
  "Holdfast archives the objects of a volume, not its data: copy the data with the storage's own means or a dump hook";

/**
 * Why one claim's data is missing: `skipped` is what a volume policy said of it. Undefined for a claim that is not bound:
 * it has no data to lose.
 */
export function unprotectedVolume(claim: ArchivedClaim, skipped: string | undefined): UnprotectedVolume | undefined {
  if (claim.volumeName === "") return undefined;
  return {
    namespace: claim.namespace,
    name: claim.name,
    volumeName: claim.volumeName,
    reason: skipped ?? NOT_COPIED,
    intended: skipped !== undefined,
  };
}

/** One element of `<name>-volumeinfo.json.gz`, with Velero's field names. */
export interface VolumeInfoRow {
  readonly pvcName?: string;
  readonly pvcNamespace?: string;
  readonly pvName?: string;
  readonly snapshotDataMoved: boolean;
  readonly preserveLocalSnapshot: boolean;
  readonly skipped: boolean;
  readonly skippedReason?: string;
  readonly pvInfo?: { readonly reclaimPolicy: string; readonly labels: Readonly<Record<string, string>> | null };
}

/**
 * The volume info of a backup without volume data: one row for each bound claim and for each volume that no claim of
 * the backup names, so that Velero never falls back to its older rules.
 */
export function volumeInfoRows(
  unprotected: readonly UnprotectedVolume[],
  volumes: ReadonlyMap<string, ArchivedVolume>,
): VolumeInfoRow[] {
  const named = new Set(unprotected.map((volume) => volume.volumeName));
  const claimed = unprotected.map((volume) => ({
    pvcName: volume.name,
    pvcNamespace: volume.namespace,
    ...skippedRow(volume.volumeName, volume.reason, volumes.get(volume.volumeName)),
  }));
  const others = [...volumes.values()]
    .filter((volume) => !named.has(volume.name))
    .map((volume) => skippedRow(volume.name, NOT_COPIED, volume));
  return [...claimed, ...others];
}

function skippedRow(pvName: string, reason: string, volume: ArchivedVolume | undefined): VolumeInfoRow {
  return {
    pvName,
    snapshotDataMoved: false,
    preserveLocalSnapshot: false,
    skipped: true,
    skippedReason: `any: ${reason};`,
    ...(volume === undefined ? {} : { pvInfo: { reclaimPolicy: volume.reclaimPolicy, labels: volume.labels ?? null } }),
  };
}
