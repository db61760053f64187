import type { Readable } from "node:stream";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { BackupKeys } from "./layout.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import type { ObjectStore } from "./object-store.ts";

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
  publish(
    manifest: Omit<Manifest, "files">,
    backup: KubeObject,
    signal?: AbortSignal,
  ): Promise<{ readonly manifestSha256: string }>;
}

/** A writer for the folder of `name`, which the caller has claimed. */
export function createBackupWriter(_store: ObjectStore, _name: string): BackupWriter {
  throw new CodedError("Internal", { detail: "backup writer" }, "not built yet");
}
