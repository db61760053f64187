/** What tests of the backup engine share: a request with everything filled in, and a look into what was written. */
import { gunzipSync } from "node:zlib";
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import { runBackup } from "../../src/backup/execute.ts";
import type { BackupLimits, BackupOutcome, BackupRequest } from "../../src/backup/types.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import { readArchive } from "../../src/storage/archive-reader.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { uniqueName } from "../support/test-cluster.ts";

/** A request that only lacks what the test is about. */
export function backupRequest(spec: BackupSpec, more: Partial<BackupRequest> = {}): BackupRequest {
  return {
    name: uniqueName("backup"),
    namespace: "holdfast",
    spec,
    cluster: "test",
    storageLocation: "default",
    claim: { token: uniqueName("token"), term: 1, clusterUid: "00000000-0000-0000-0000-000000000000" },
    ...more,
  };
}

/** A finished backup and the means to look into it. */
export interface MadeBackup {
  readonly name: string;
  readonly outcome: BackupOutcome;
  /** `configmaps ns/name`, in the archive's order. */
  objects(): Promise<string[]>;
  /** The parsed content of a gzipped JSON file of the folder. */
  file(key: keyof ReturnType<typeof backupKeys>): Promise<unknown>;
}

/** Runs a backup against real servers. */
export async function makeBackup(
  servers: { readonly kube: KubeClient; readonly store: ObjectStore; readonly limits?: Partial<BackupLimits> },
  request: BackupRequest,
): Promise<MadeBackup> {
  const outcome = await runBackup({ ...servers, clock: systemClock, log: silentLogger }, request);
  const keys = backupKeys(request.name);
  return {
    name: request.name,
    outcome,
    objects: async () => await archivedObjects(servers.store, keys.archive),
    file: async (key) => {
      const bytes = await readObject(servers.store, keys[key]);
      return JSON.parse((keys[key].endsWith("gz") ? gunzipSync(bytes) : bytes).toString());
    },
  };
}

/** `resource ns/name` of every object of an archive. */
export async function archivedObjects(store: ObjectStore, archive: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { resource, namespace, name, versionFolder } of readArchive(store, archive)) {
    const folder = versionFolder === "" ? "" : ` (${versionFolder})`;
    found.push(`${resource} ${namespace === "" ? "" : `${namespace}/`}${name}${folder}`);
  }
  return found;
}

/** The whole object of a key. */
export async function readObject(store: ObjectStore, key: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.get(key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Every key of a store below a prefix. */
export async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
