/**
 * What a backup says of its volumes' data: by that a restore brings a volume back or leaves its claim to be provisioned
 * anew, as Velero's does (velero-facts §4.7). Backups of Velero before 1.13 have no volume info; of a volume that it
 * does not name, the older lists beside the archive tell.
 */
import { parseJson } from "../api/json.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { backupKeys, csiSnapshotsKey } from "../storage/layout.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { readGzipJson } from "../storage/velero-files.ts";
import { at, isRecord, recordAt, textAt } from "./json-path.ts";
import { provisionsAnew } from "./kinds/volume.ts";

/** What a volume had that is not made from its own object. */
export interface VolumeSettings {
  readonly volumeName: string;
  readonly reclaimPolicy: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface BackedUpVolumes {
  /** Velero's `backupMethod` of an archived volume; undefined: its data was not saved. */
  methodOf(volume: KubeObject): string | undefined;
  /** What the new volume of an archived claim takes over. */
  settingsFor(claim: ObjectKey): VolumeSettings | undefined;
}

/** Velero's files about volumes, each a list as it was read. */
export interface VolumeLists {
  readonly volumeInfo: readonly unknown[];
  readonly nativeSnapshots: readonly unknown[];
  readonly podVolumeBackups: readonly unknown[];
  readonly csiSnapshots: readonly unknown[];
  /** `datauploads.velero.io` of the archive. */
  readonly dataUploads: readonly unknown[];
}

const NONE: VolumeLists = {
  volumeInfo: [],
  nativeSnapshots: [],
  podVolumeBackups: [],
  csiSnapshots: [],
  dataUploads: [],
};
const VOLUMES = "persistentvolumes";
const DATA_UPLOADS = "datauploads.velero.io";

/** Puts the lists together. The last line about a volume counts, as in Velero. */
export function backedUpVolumesOf(lists: VolumeLists): BackedUpVolumes {
  const info = new Map(lists.volumeInfo.map((entry) => [textAt(entry, "pvName"), textAt(entry, "backupMethod")]));
  const settings = new Map(lists.volumeInfo.flatMap(settingsOf));
  const native = new Set(lists.nativeSnapshots.map((each) => textAt(each, "spec", "persistentVolumeName")));
  const copied = claims(lists.podVolumeBackups, (each) => [
    textAt(each, "spec", "pod", "namespace"),
    textAt(each, "metadata", "annotations", "velero.io/pvc-name"),
  ]);
  const snapshots = new Set([
    ...claims(lists.csiSnapshots, (each) => [
      textAt(each, "metadata", "namespace"),
      textAt(each, "spec", "source", "persistentVolumeClaimName"),
    ]),
    ...claims(lists.dataUploads, (each) => [
      textAt(each, "spec", "sourceNamespace"),
      textAt(each, "spec", "sourcePVC"),
    ]),
  ]);
  return {
    methodOf: (volume) => {
      const known = info.get(volume.metadata.name);
      if (known !== undefined) return known === "" ? undefined : known;
      if (native.has(volume.metadata.name)) return "NativeSnapshot";
      const claim = claimOf(volume);
      if (copied.has(claim)) return "PodVolumeBackup";
      return snapshots.has(claim) ? "CSISnapshot" : undefined;
    },
    settingsFor: (claim) => settings.get(formatKey(claim)),
  };
}

/**
 * Reads what a backup says. A missing file says nothing; ours hold no volume data.
 * @throws {ArchiveInvalid} for a file that can't be read: guessing would cost a volume
 */
export async function readBackedUpVolumes(
  store: ObjectStore | undefined,
  backup: BackupReader,
  signal?: AbortSignal,
): Promise<BackedUpVolumes> {
  if (store === undefined) return backedUpVolumesOf(NONE);
  const keys = backupKeys(backup.name);
  const list = async (key: string): Promise<readonly unknown[]> => {
    const read = await readGzipJson(store, key, signal);
    return Array.isArray(read) ? read : [];
  };
  const volumeInfo = await list(keys.volumeInfo);
  if (backup.manifest !== undefined || !(await backup.resources()).includes(VOLUMES))
    return backedUpVolumesOf({ ...NONE, volumeInfo });
  return backedUpVolumesOf({
    volumeInfo,
    nativeSnapshots: await list(keys.volumeSnapshots),
    podVolumeBackups: await list(keys.podVolumeBackups),
    csiSnapshots: await list(csiSnapshotsKey(backup.name)),
    dataUploads: await dataUploadsOf(backup),
  });
}

async function dataUploadsOf(backup: BackupReader): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { body } of backup.readMany(backup.rows(DATA_UPLOADS))) found.push(parseJson(body));
  return found;
}

function settingsOf(entry: unknown): [string, VolumeSettings][] {
  const info = recordAt(entry, "pvInfo");
  if (info === undefined || !provisionsAnew(textAt(entry, "backupMethod"))) return [];
  const labels = isRecord(info.labels) ? (info.labels as Record<string, string>) : {};
  const claim = { namespace: textAt(entry, "pvcNamespace"), name: textAt(entry, "pvcName") };
  const settings = { volumeName: textAt(entry, "pvName"), reclaimPolicy: textAt(info, "reclaimPolicy"), labels };
  return [[formatKey(claim), settings]];
}

/** `namespace/name` of the claims that a list names. */
function claims(list: readonly unknown[], claimIn: (entry: unknown) => readonly [string, string]): Set<string> {
  return new Set(
    list
      .map(claimIn)
      .filter(([, name]) => name !== "")
      .map(([namespace, name]) => formatKey({ namespace, name })),
  );
}

/** "" for a volume that no claim has. */
function claimOf(volume: KubeObject): string {
  if (!isRecord(at(volume, "spec", "claimRef"))) return "";
  const [namespace, name] = ["namespace", "name"].map((field) => textAt(volume, "spec", "claimRef", field));
  return formatKey({ namespace: namespace ?? "", name: name ?? "" });
}
