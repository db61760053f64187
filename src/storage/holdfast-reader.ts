import { pipeline } from "node:stream/promises";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { BackupReader, OpenBackupOptions } from "./backup-reader.ts";
import { createIndexReader } from "./index-reader.ts";
import { backupKeys } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { bodyOf, createMemberReader } from "./member-reader.ts";
import type { ObjectStore } from "./object-store.ts";
import { createTally } from "./streams.ts";

/** What is known of a backup of ours from its marker and manifest. */
export interface HoldfastBackup {
  readonly name: string;
  readonly backup: KubeObject;
  readonly manifest: Manifest;
  readonly digest: string;
}

/** A reader by ranges: every byte it gives out is covered by the chain marker → manifest → index member → body. */
export function openHoldfastBackup(
  store: ObjectStore,
  opened: HoldfastBackup,
  options: OpenBackupOptions,
): BackupReader {
  const keys = backupKeys(opened.name);
  const index = createIndexReader(store, { key: keys.index, members: opened.manifest.index, signal: options.signal });
  const members = createMemberReader(store, keys.archive, options.signal);

  return {
    ...opened,
    resources: async () => Object.keys(opened.manifest.counts.resources),
    rows: index.rows,
    row: (resource, key) => index.row(resource, key),
    // A copy: one body held must not hold a whole member.
    read: async (row) => Buffer.from(bodyOf(keys.archive, row, await members.member(row))),
    readMany: async function* (rows) {
      for await (const { row, member } of members.membersOf(rows)) {
        yield { row, body: bodyOf(keys.archive, row, member) };
      }
    },
    verifyArchive: async () =>
      await verifyFile(store, keys.archive, fileOf(opened.manifest, keys.archive), options.signal),
    problems: async () => [],
    close: async () => {},
  };
}

function fileOf(manifest: Manifest, key: string): { readonly sizeBytes: number; readonly sha256: string } {
  const file = manifest.files.find((each) => key.endsWith(`/${each.name}`));
  if (file === undefined) {
    throw new CodedError(
      "ArchiveInvalid",
      { key, why: "not in the manifest" },
      `${key} is not in the backup's manifest`,
    );
  }
  return file;
}

/** Reads a file to its end. @throws {ArchiveTruncated, DigestMismatch} when it is not the one that was put. */
export async function verifyFile(
  store: ObjectStore,
  key: string,
  expected: { readonly sizeBytes: number; readonly sha256: string },
  signal?: AbortSignal,
): Promise<void> {
  const tally = createTally();
  await pipeline(await store.get(key, signal), tally.stream.resume());
  const actual = tally.result();
  if (actual.sizeBytes < expected.sizeBytes) {
    const message = `${key} is cut short: ${actual.sizeBytes} of ${expected.sizeBytes} bytes are there`;
    throw new CodedError("ArchiveTruncated", { key }, message);
  }
  if (actual.sha256 !== expected.sha256) {
    const message = `${key} is not the file that its manifest names: sha256 ${actual.sha256}, expected ${expected.sha256}`;
    throw new CodedError("DigestMismatch", { key, expected: expected.sha256, actual: actual.sha256 }, message);
  }
}
