import type { Readable } from "node:stream";
import { MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import { sha256 } from "../api/digest.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { type BackupKeys, backupKeys } from "./layout.ts";
import { encodeManifest, type Manifest, type ManifestFile } from "./manifest.ts";
import { encodeMarker } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { putOnce } from "./put-once.ts";

/** The files a backup's folder holds beside claim, manifest and marker. */
export type BackupFileName = Exclude<keyof BackupKeys, "prefix" | "marker" | "claim" | "manifest">;

/** Puts the files of one claimed backup, each once, and its marker last. */
export interface BackupWriter {
  /**
   * Puts one file; resolves to what was put. Where the key exists (our own put, whose answer was lost), it is read
   * and compared. @throws {StoreObjectExists} when other bytes stand there.
   */
  put(file: BackupFileName, body: Uint8Array | Readable, signal?: AbortSignal): Promise<ManifestFile>;
  /** What was put, in order. */
  readonly files: readonly ManifestFile[];
  /**
   * Puts the manifest, HEADs every file, then puts the marker, to which it adds the manifest's annotation.
   * @throws {BackupIncomplete} when a file is missing or has another size: the marker is then not put.
   */
  publish(manifest: Omit<Manifest, "files">, backup: KubeObject, options?: PublishOptions): Promise<PublishedBackup>;
}

/** How a backup is published. */
export interface PublishOptions {
  readonly signal?: AbortSignal;
  /** Awaited when all but the marker stands and was checked. */
  readonly beforeMarker?: () => Promise<void>;
}

/** A backup that is there for all to see. */
export interface PublishedBackup {
  readonly manifestSha256: string;
}

/** How a backup is written. */
export interface BackupWriterOptions {
  /** What the location's probe found; default true. */
  readonly conditionalWrites?: boolean;
}

/** A writer for the folder of `name`, which the caller has claimed. */
export function createBackupWriter(store: ObjectStore, name: string, options: BackupWriterOptions = {}): BackupWriter {
  const keys = backupKeys(name);
  const files: ManifestFile[] = [];
  const { conditionalWrites = true } = options;

  async function put(file: BackupFileName, body: Uint8Array | Readable, signal?: AbortSignal): Promise<ManifestFile> {
    const written = await putOnce(store, keys[file], body, { conditionalWrites, signal });
    const entry = { name: keys[file].slice(keys.prefix.length), ...written };
    files.push(entry);
    return entry;
  }

  async function publish(
    manifest: Omit<Manifest, "files">,
    backup: KubeObject,
    { signal, beforeMarker }: PublishOptions = {},
  ): Promise<PublishedBackup> {
    const bytes = encodeManifest({ ...manifest, files });
    const { sizeBytes } = await putOnce(store, keys.manifest, bytes, { conditionalWrites, signal });
    const all = [...files, { name: keys.manifest.slice(keys.prefix.length), sizeBytes }];
    await Promise.all(all.map((file) => checkPut(store, name, { ...file, key: `${keys.prefix}${file.name}` }, signal)));
    const manifestSha256 = sha256(bytes);
    const marker = encodeMarker(annotated(backup, manifestSha256));
    await beforeMarker?.();
    await putOnce(store, keys.marker, marker, { conditionalWrites, signal });
    return { manifestSha256 };
  }

  return { put, files, publish };
}

async function checkPut(
  store: ObjectStore,
  name: string,
  file: { readonly key: string; readonly sizeBytes: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const stat = await store.head(file.key, signal);
  if (stat?.sizeBytes === file.sizeBytes) return;
  const found = stat === undefined ? "it is missing" : `it has ${stat.sizeBytes} bytes, ${file.sizeBytes} were put`;
  throw new CodedError(
    "BackupIncomplete",
    { name },
    `backup ${name} is not published: ${store.location} answered for ${file.key} that ${found}`,
  );
}

function annotated(backup: KubeObject, manifestSha256: string): KubeObject {
  const annotations = { ...backup.metadata.annotations, [MANIFEST_SHA256_ANNOTATION]: manifestSha256 };
  return { ...backup, metadata: { ...backup.metadata, annotations } };
}
