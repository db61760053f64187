/**
 * Storage: where backups live. It knows Velero's bucket layout, the archive format and the stores that hold them, and
 * nothing of clusters, Git or policies. This file names every key; `docs/archive-format.md` is its specification.
 */

import { CodedError } from "../errors.ts";

/** Ends a backup: a folder without it is not a backup. */
export const MARKER_FILE = "velero-backup.json";
/** Says whose the folder is; put before anything else. */
export const CLAIM_FILE = "holdfast-claim.json";
/** The list of all other files with their digests; put last but one. */
export const MANIFEST_FILE = "holdfast.json";
export const INDEX_FILE = "holdfast-index.jsonl.gz";

/** Every backup's folder lies below this. */
export const BACKUPS_PREFIX = "backups/";
/** The records and claims of restores lie below this. */
export const RESTORES_PREFIX = "restores/";
/** Velero takes no folder of ours at the top of a bucket; this one it reserves and leaves alone. */
export const METADATA_PREFIX = "metadata/";

/** The keys of one backup's files, relative to the location. Names are Velero's but for the last three. */
export interface BackupKeys {
  /** `backups/<name>/`. */
  readonly prefix: string;
  readonly marker: string;
  readonly archive: string;
  readonly logs: string;
  readonly results: string;
  readonly resourceList: string;
  readonly itemOperations: string;
  readonly volumeInfo: string;
  readonly volumeSnapshots: string;
  readonly podVolumeBackups: string;
  readonly index: string;
  readonly manifest: string;
  readonly claim: string;
}

/** The keys of a backup. @throws {InvalidSpec} when the name can't be one segment of a key. */
export function backupKeys(name: string): BackupKeys {
  const prefix = `${BACKUPS_PREFIX}${segment(name, "backup name")}/`;
  return {
    prefix,
    marker: `${prefix}${MARKER_FILE}`,
    archive: `${prefix}${name}.tar.gz`,
    logs: `${prefix}${name}-logs.gz`,
    results: `${prefix}${name}-results.gz`,
    resourceList: `${prefix}${name}-resource-list.json.gz`,
    itemOperations: `${prefix}${name}-itemoperations.json.gz`,
    volumeInfo: `${prefix}${name}-volumeinfo.json.gz`,
    volumeSnapshots: `${prefix}${name}-volumesnapshots.json.gz`,
    podVolumeBackups: `${prefix}${name}-podvolumebackups.json.gz`,
    index: `${prefix}${INDEX_FILE}`,
    manifest: `${prefix}${MANIFEST_FILE}`,
    claim: `${prefix}${CLAIM_FILE}`,
  };
}

/** Velero 1.4 to 1.16 kept a backup's VolumeSnapshots here. */
export function csiSnapshotsKey(name: string): string {
  return `${backupKeys(name).prefix}${name}-csi-volumesnapshots.json.gz`;
}

/** The keys of one restore run's records; the volume info has no `restore-` in front, as in Velero. */
export interface RestoreKeys {
  /** `restores/<run>/`. */
  readonly prefix: string;
  readonly logs: string;
  readonly results: string;
  readonly resourceList: string;
  readonly itemOperations: string;
  readonly volumeInfo: string;
  /** What became of each object, as an undo needs it: none of Velero's. */
  readonly objects: string;
}

/** The keys of a restore run. @throws {InvalidSpec} when the run's name can't be one segment of a key. */
export function restoreKeys(run: string): RestoreKeys {
  const prefix = `${RESTORES_PREFIX}${segment(run, "restore name")}/`;
  return {
    prefix,
    logs: `${prefix}restore-${run}-logs.gz`,
    results: `${prefix}restore-${run}-results.gz`,
    resourceList: `${prefix}restore-${run}-resource-list.json.gz`,
    itemOperations: `${prefix}restore-${run}-itemoperations.json.gz`,
    volumeInfo: `${prefix}${run}-volumeinfo.json.gz`,
    objects: `${prefix}holdfast-objects.jsonl.gz`,
  };
}

/** Where a restore key is claimed for good: these two objects are never removed. */
export interface RestoreClaimKeys {
  readonly prefix: string;
  readonly claim: string;
  readonly done: string;
}

/** The keys of a restore's claim. Shape: `keySha256` is 64 hex digits, of which the folder's name holds the first 32. */
export function restoreClaimKeys(keySha256: string): RestoreClaimKeys {
  if (!/^[0-9a-f]{64}$/.test(keySha256)) {
    throw new CodedError("Internal", { detail: "restore key" }, "a restore key is 64 lower-case hex digits");
  }
  const prefix = `${RESTORES_PREFIX}holdfast-${keySha256.slice(0, 32)}/`;
  return { prefix, claim: `${prefix}claim.json`, done: `${prefix}done.json` };
}

/** Where a location's support of conditional writes is tried out; one object per attempt, deleted after it. */
export function probeKey(token: string): string {
  return `${METADATA_PREFIX}holdfast-probe-${segment(token, "probe token")}`;
}

/** True for a name that can be a folder of a bucket and of a filesystem; Kubernetes' own rule is narrower. */
export function isSegment(name: string): boolean {
  if (name === "" || name === "." || name === ".." || Buffer.byteLength(name) > 253) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL and its like are what is refused here
  return !/[/\\\u0000-\u001f\u007f]/.test(name);
}

function segment(name: string, what: string): string {
  if (isSegment(name)) return name;
  throw new CodedError("InvalidSpec", { fields: ["metadata.name"] }, `${JSON.stringify(name)} cannot be a ${what}`);
}
