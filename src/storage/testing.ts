/** Backups for tests: made by the same writer that the product uses. */

import { contentDigest } from "../api/digest.ts";
import { stringifyJson } from "../api/json.ts";
import { type KubeObject, parseApiVersion } from "../api/object.ts";
import {
  type ArchiveEntry,
  type ArchiveTotals,
  type ArchiveWriterOptions,
  createArchiveWriter,
} from "./archive-writer.ts";
import { createBackupWriter } from "./backup-writer.ts";
import { type BackupClaim, claimBackup } from "./claims.ts";
import { FORMAT_VERSION, type Manifest } from "./manifest.ts";
import type { ObjectStore } from "./object-store.ts";

/** An object and where it goes. */
export interface TestItem {
  readonly resource: string;
  readonly object: KubeObject;
}

/** A ConfigMap with `bytes` of text that compresses as YAML does. */
export function configMap(namespace: string, name: string, bytes = 100): TestItem {
  const text = Array.from(
    { length: Math.ceil(bytes / 20) },
    (_, line) => `key-${(line * 7919) % 1000}: value of ${name} ${line}`,
  );
  return {
    resource: "configmaps",
    object: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, uid: `uid-${namespace}-${name}`, resourceVersion: "42" },
      data: { text: text.join("\n").slice(0, bytes) },
    },
  };
}

/** The archive entry of an item. */
export function entryOf({ resource, object }: TestItem): ArchiveEntry {
  const { version } = parseApiVersion(object.apiVersion);
  const { name, namespace = "" } = object.metadata;
  const body = Buffer.from(stringifyJson(object));
  return { resource, version, kind: object.kind, namespace, name, body, content: contentDigest(object) };
}

/** The claim that `writeBackup` takes. */
export function testClaim(name: string, changes: Partial<BackupClaim> = {}): BackupClaim {
  return {
    token: `token-of-${name}`,
    cluster: "test",
    clusterUid: "00000000-0000-0000-0000-000000000000",
    namespace: "holdfast",
    name,
    term: 1,
    claimedAt: "2026-01-02T03:04:05Z",
    ...changes,
  };
}

/** How a test backup is made. */
export interface WriteBackupOptions extends Partial<ArchiveWriterOptions> {
  readonly name?: string;
}

/** Writes a whole backup, claim to marker; resolves to what `publish` and the archive answered. */
export async function writeBackup(
  store: ObjectStore,
  items: Iterable<TestItem>,
  { name = "backup", ...options }: WriteBackupOptions = {},
): Promise<ArchiveTotals & { readonly manifestSha256: string }> {
  await claimBackup(store, name, testClaim(name));
  const files = createBackupWriter(store, name);
  const archive = createArchiveWriter({ modifiedMs: Date.UTC(2026, 0, 2), ...options });
  const put = files.put("archive", archive.readable);
  for (const item of items) await archive.add(entryOf(item));
  const totals = await archive.finish();
  await put;
  for (const file of ["logs", "results", "resourceList", "itemOperations", "volumeInfo"] as const) {
    await files.put(file, Buffer.from(`${file}\n`));
  }
  await files.put("index", totals.index.readable);
  const manifest = manifestOf(name, totals, await totals.index.members);
  const { manifestSha256 } = await files.publish(manifest, testMarker(name));
  return { ...totals, manifestSha256 };
}

/** A Backup as Velero's marker holds it. */
export function testMarker(name: string): KubeObject {
  return {
    apiVersion: "velero.io/v1",
    kind: "Backup",
    metadata: { name, namespace: "velero", labels: { "velero.io/storage-location": "default" } },
    spec: { metadata: {}, ttl: "720h0m0s", hooks: {} },
    status: { version: 1, formatVersion: "1.1.0", phase: "Completed", startTimestamp: "2026-01-02T03:04:05Z" },
  };
}

function manifestOf(name: string, totals: ArchiveTotals, index: Manifest["index"]): Omit<Manifest, "files"> {
  return {
    formatVersion: FORMAT_VERSION,
    tool: { name: "holdfast", version: "0.0.0-test" },
    backup: name,
    cluster: "test",
    clusterUid: "00000000-0000-0000-0000-000000000000",
    namespace: "holdfast",
    startTimestamp: "2026-01-02T03:04:05Z",
    completionTimestamp: "2026-01-02T03:04:06Z",
    contentDigestVersion: 1,
    counts: { items: totals.items, resources: totals.resources, warnings: 0, errors: 0 },
    lists: [],
    index,
  };
}
