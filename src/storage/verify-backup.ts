import { CLUSTER_LABEL, MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import { sha256 } from "../api/digest.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import { readManifest } from "./backup-reader.ts";
import { createCountingStore } from "./counting-store.ts";
import { backupKeys, isSegment } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { decodeMarker } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";
import { verifyArchiveItems, verifyFileData, verifyForeignArchive, verifyReplacedItems } from "./verify-content.ts";

/** One thing wrong with a backup's folder. */
export interface VerifyProblem {
  /**
   * `missing`, `extra`: a file. `truncated`: a file or an archive that ends too early. `replaced`: other content, whole
   * in itself. `flipped`: content that is damaged in itself. `manifest`: not the one that the marker names.
   * `unreadable`: no Backup, or the store could not answer.
   */
  readonly type: "missing" | "extra" | "truncated" | "replaced" | "flipped" | "manifest" | "unreadable";
  /** The file, and where it is known the object inside: `name.tar.gz: configmaps/ns/name`. */
  readonly at: string;
  readonly message: string;
}

/** What a verification found. */
export interface VerifyReport {
  readonly name: string;
  /** `velero` backups carry no digests: only their structure can be checked. */
  readonly madeBy: "holdfast" | "velero";
  /** Whether bodies were read, or only sizes compared. */
  readonly readData: boolean;
  /** Files in the folder, marker and claim among them. */
  readonly files: number;
  /** Objects that were compared; with `readData: false` those that the manifest counts. */
  readonly items: number;
  readonly bytesRead: number;
  readonly manifestSha256?: string;
  /** Whose it is, as its marker says; undefined for Velero's. */
  readonly cluster?: string;
  /** Of the marker, to be compared with the Git record. */
  readonly markerSha256: string;
  /** Empty: as far as was looked, all is as it was put. */
  readonly problems: readonly VerifyProblem[];
}

/** How far a verification goes. */
export interface VerifyOptions {
  /** True: read every byte and compare every object with its row. False: names, sizes, manifest and marker. */
  readonly readData: boolean;
  readonly signal?: AbortSignal;
}

/** Compares a backup's folder with its manifest. Damage is a finding, not an error. @throws {BackupNotFound} */
export async function verifyBackup(store: ObjectStore, name: string, options: VerifyOptions): Promise<VerifyReport> {
  const { store: counted, traffic } = createCountingStore(store);
  const folder = await readFolder(counted, name, options.signal);
  const problems: VerifyProblem[] = [];
  const marker = await readMarker(counted, name, options.signal);
  const backup = attemptMarker(name, marker, problems);
  const manifestSha256 = backup?.metadata.annotations?.[MANIFEST_SHA256_ANNOTATION];
  const cluster = backup?.metadata.annotations?.[CLUSTER_LABEL];
  const run = { store: counted, name, folder, problems, options };
  const items =
    backup === undefined
      ? 0
      : manifestSha256 === undefined
        ? await verifyVelero(run)
        : await verifyOurs(run, manifestSha256);
  return {
    name,
    madeBy: manifestSha256 === undefined && !folder.has(backupKeys(name).manifest) ? "velero" : "holdfast",
    readData: options.readData,
    files: folder.size,
    items,
    bytesRead: traffic.bytesRead,
    ...(manifestSha256 !== undefined && { manifestSha256 }),
    ...(cluster !== undefined && { cluster }),
    markerSha256: sha256(marker),
    problems,
  };
}

/** One verification under way. `folder`: size in bytes by key. */
export interface Verification {
  readonly store: ObjectStore;
  readonly name: string;
  readonly folder: ReadonlyMap<string, number>;
  readonly problems: VerifyProblem[];
  readonly options: VerifyOptions;
}

async function readFolder(
  store: ObjectStore,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const folder = new Map<string, number>();
  if (!isSegment(name)) return folder;
  for await (const { key, sizeBytes } of store.list(backupKeys(name).prefix, signal)) folder.set(key, sizeBytes);
  return folder;
}

async function readMarker(store: ObjectStore, name: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    if (isSegment(name)) return await readAll(await store.get(backupKeys(name).marker, signal));
  } catch (error) {
    if (!isCoded(error, "StoreObjectMissing")) throw error;
  }
  const message = `${store.location} has no backup ${JSON.stringify(name)}: list those it has with \`holdfast backup get\``;
  throw new CodedError("BackupNotFound", { name, location: store.location }, message);
}

function attemptMarker(name: string, bytes: Buffer, problems: VerifyProblem[]): KubeObject | undefined {
  const { marker, prefix } = backupKeys(name);
  try {
    return decodeMarker(marker, bytes);
  } catch (error) {
    problems.push({ type: "unreadable", at: marker.slice(prefix.length), message: messageOf(error) });
    return undefined;
  }
}

async function verifyOurs(run: Verification, manifestSha256: string): Promise<number> {
  const keys = backupKeys(run.name);
  const manifest = await attemptManifest(run, manifestSha256);
  if (manifest === undefined) return 0;
  const damaged = new Map<string, VerifyProblem["type"]>();
  for (const file of manifest.files) {
    const problem = await verifyFileData(run, file);
    if (problem === undefined) continue;
    damaged.set(`${keys.prefix}${file.name}`, problem.type);
    run.problems.push(problem);
  }
  const known = new Set([
    ...manifest.files.map(({ name }) => `${keys.prefix}${name}`),
    keys.claim,
    keys.manifest,
    keys.marker,
  ]);
  for (const key of run.folder.keys()) {
    if (known.has(key)) continue;
    run.problems.push({
      type: "extra",
      at: key.slice(keys.prefix.length),
      message: `${key} is in the folder and not in the manifest`,
    });
  }
  if (!run.folder.has(keys.claim)) {
    run.problems.push({
      type: "missing",
      at: keys.claim.slice(keys.prefix.length),
      message: `${keys.claim} is missing`,
    });
  }
  if (!run.options.readData || damaged.has(keys.index)) return run.options.readData ? 0 : manifest.counts.items;
  const isReplaced = damaged.get(keys.archive) === "replaced";
  return await (isReplaced ? verifyReplacedItems : verifyArchiveItems)(run, manifest);
}

async function attemptManifest(run: Verification, expected: string): Promise<Manifest | undefined> {
  const { manifest: key, prefix } = backupKeys(run.name);
  const at = key.slice(prefix.length);
  try {
    return await readManifest(run.store, key, expected, run.options.signal);
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing"))
      run.problems.push({ type: "missing", at, message: `${key} is missing: nothing else can be compared` });
    else if (isCoded(error, "DigestMismatch") || isCoded(error, "ArchiveInvalid"))
      run.problems.push({ type: "manifest", at, message: messageOf(error) });
    else throw error;
    return undefined;
  }
}

async function verifyVelero(run: Verification): Promise<number> {
  const { archive, prefix } = backupKeys(run.name);
  if (!run.folder.has(archive)) {
    run.problems.push({ type: "missing", at: archive.slice(prefix.length), message: `${archive} is missing` });
    return 0;
  }
  return run.options.readData ? await verifyForeignArchive(run) : 0;
}
