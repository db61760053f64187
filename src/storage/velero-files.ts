/**
 * Velero's files beside the archive, as it writes and reads them: gzip of JSON that ends with a newline, `null` for an
 * empty list. Field names, their odd capitals among them, are Velero's and can't be changed.
 */

import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { parseJson, stringifyJson } from "../api/json.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import { compareUtf8 } from "./index-row.ts";
import { escapeAsGo } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";

const deflate = promisify(gzip) as (bytes: Uint8Array) => Promise<Buffer>;
const inflate = promisify(gunzip) as (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

/** A side file larger than this, inflated, is refused: the largest real ones hold a line per object. */
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;

/** Messages of one severity. Absent where there are none. */
export interface Result {
  /** About the run itself. */
  readonly velero?: readonly string[];
  /** About cluster-scoped objects. */
  readonly cluster?: readonly string[];
  readonly namespaces?: Readonly<Record<string, readonly string[]>>;
}

/** `<b>-results.gz` and `restore-<r>-results.gz`. */
export interface Results {
  readonly warnings: Result;
  readonly errors: Result;
}

/** `apps/v1/Deployment` or `v1/Pod` → sorted `namespace/name` or `name`; of a restore with `(action)` behind it. */
export type ResourceList = Readonly<Record<string, readonly string[]>>;

/** An element of `<b>-volumeinfo.json.gz`; the three flags are always written. */
export interface BackupVolumeInfo {
  readonly pvcName?: string;
  readonly pvcNamespace?: string;
  readonly pvName?: string;
  readonly backupMethod?: "NativeSnapshot" | "PodVolumeBackup" | "CSISnapshot";
  readonly snapshotDataMoved: boolean;
  readonly preserveLocalSnapshot: boolean;
  readonly skipped: boolean;
  readonly skippedReason?: string;
  readonly startTimestamp?: string;
  readonly completionTimestamp?: string;
  readonly result?: "succeeded" | "failed";
  readonly csiSnapshotInfo?: CsiSnapshotInfo;
  readonly snapshotDataMovementInfo?: SnapshotDataMovementInfo;
  readonly nativeSnapshotInfo?: NativeSnapshotInfo;
  readonly pvbInfo?: PodVolumeInfo;
  readonly pvInfo?: PersistentVolumeInfo;
}

/** A snapshot by a CSI driver; sizes in bytes. */
export interface CsiSnapshotInfo {
  readonly snapshotHandle: string;
  readonly size: number;
  readonly driver: string;
  readonly vscName: string;
  readonly operationID?: string;
  readonly ReadyToUse?: boolean | null;
  readonly volumeGroupSnapshotHandle?: string;
}

/** A snapshot whose data was copied; sizes in bytes. */
export interface SnapshotDataMovementInfo {
  readonly dataMover: string;
  readonly uploaderType: string;
  readonly retainedSnapshot?: string;
  readonly snapshotHandle: string;
  readonly operationID: string;
  readonly size: number;
  readonly incrementalSize?: number;
  readonly Phase: string;
}

/** A snapshot by a volume snapshotter plug-in. */
export interface NativeSnapshotInfo {
  readonly snapshotHandle: string;
  readonly volumeType: string;
  readonly volumeAZ: string;
  readonly iops: string;
  readonly Phase: string;
}

/** A volume copied through its pod; sizes in bytes. */
export interface PodVolumeInfo {
  readonly snapshotHandle?: string;
  readonly size?: number;
  readonly incrementalSize?: number;
  readonly uploaderType: string;
  readonly volumeName: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly nodeName?: string;
  readonly Phase: string;
}

/** What a restore puts back on a volume that is provisioned anew. */
export interface PersistentVolumeInfo {
  readonly reclaimPolicy: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A Go struct without JSON tags: hence the capitals. */
export interface ResourceIdentifier {
  readonly Group: string;
  readonly Resource: string;
  readonly Namespace: string;
  readonly Name: string;
}

/** An element of `<b>-itemoperations.json.gz`. */
export interface BackupOperation {
  readonly spec: {
    readonly backupName: string;
    readonly backupUID: string;
    readonly backupItemAction: string;
    readonly resourceIdentifier: ResourceIdentifier;
    readonly operationID: string;
    readonly postOperationItems: readonly ResourceIdentifier[] | null;
  };
  readonly status: OperationStatus;
}

/** Each field is absent while it is empty. */
export interface OperationStatus {
  readonly phase?: "New" | "InProgress" | "Completed" | "Failed";
  readonly error?: string;
  readonly nCompleted?: number;
  readonly nTotal?: number;
  readonly operationUnits?: string;
  readonly description?: string;
  readonly created?: string;
  readonly started?: string;
  readonly updated?: string;
}

/** gzip of compact JSON and a newline, which is what Go's encoder ends with. */
export async function encodeGzipJson(value: unknown): Promise<Buffer> {
  return await deflate(Buffer.from(`${escapeAsGo(stringifyJson(value))}\n`));
}

/** gzip of log lines, each ended by a newline. */
export async function encodeLogs(lines: readonly string[]): Promise<Buffer> {
  return await deflate(Buffer.from(lines.map((line) => `${line}\n`).join("")));
}

/** A resource list with its keys and values sorted, as Velero sorts them. */
export function sortedResourceList(list: ResourceList): ResourceList {
  return Object.fromEntries(
    Object.entries(list)
      .sort(([a], [b]) => compareUtf8(a, b))
      .map(([key, names]) => [key, [...names].sort(compareUtf8)]),
  );
}

/** The text inside a gzip file. @throws {ArchiveInvalid} when it is none, or a bomb. */
export async function decodeGzipText(key: string, bytes: Uint8Array): Promise<string> {
  try {
    return (await inflate(bytes, { maxOutputLength: MAX_INFLATED_BYTES })).toString("utf8");
  } catch (error) {
    throw invalid(key, `gzip: ${messageOf(error)}`, error);
  }
}

/** The JSON inside a gzip file. @throws {ArchiveInvalid} */
export async function decodeGzipJson(key: string, bytes: Uint8Array): Promise<unknown> {
  const text = await decodeGzipText(key, bytes);
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid(key, "it is not JSON", error);
  }
}

/** A list of a backup's folder; [] where the file is missing or holds `null`. @throws {ArchiveInvalid} when it is no list. */
export async function readList<T>(store: ObjectStore, key: string, signal?: AbortSignal): Promise<readonly T[]> {
  const value = await readGzipJson(store, key, signal);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(key, "it is not a list");
  return value as T[];
}

/** The results of a run; empty ones where the file is missing. @throws {ArchiveInvalid} */
export async function readResults(store: ObjectStore, key: string, signal?: AbortSignal): Promise<Results> {
  const value = await readGzipJson(store, key, signal);
  if (value === undefined || value === null) return { warnings: {}, errors: {} };
  if (typeof value !== "object") throw invalid(key, "it is not an object");
  const { warnings, errors } = value as Partial<Results>;
  return { warnings: warnings ?? {}, errors: errors ?? {} };
}

/** The resource list of a run, or undefined where the file is missing. @throws {ArchiveInvalid} */
export async function readResourceList(
  store: ObjectStore,
  key: string,
  signal?: AbortSignal,
): Promise<ResourceList | undefined> {
  const value = await readGzipJson(store, key, signal);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(key, "it is not an object");
  return value as ResourceList;
}

/** The log of a run, or undefined where the file is missing. @throws {ArchiveInvalid} */
export async function readLogs(store: ObjectStore, key: string, signal?: AbortSignal): Promise<string | undefined> {
  const bytes = await readIfThere(store, key, signal);
  return bytes === undefined ? undefined : await decodeGzipText(key, bytes);
}

async function readGzipJson(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<unknown> {
  const bytes = await readIfThere(store, key, signal);
  return bytes === undefined ? undefined : await decodeGzipJson(key, bytes);
}

async function readIfThere(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  try {
    return await readAll(await store.get(key, signal));
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing")) return undefined;
    throw error;
  }
}

function invalid(key: string, why: string, cause?: unknown): CodedError {
  return new CodedError("ArchiveInvalid", { key, why }, `${key} cannot be read: ${why}`, { cause });
}
