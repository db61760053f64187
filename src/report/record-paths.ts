/**
 * The record in Git: what was promised and done, as files with deterministic bytes. This file names every path of the
 * status branch; the files beside it render them. Knows nothing of Git, clusters or clocks.
 */
import type { ObjectKey } from "../api/object.ts";

export const README_PATH = "README.md";
export const INDEX_PATH = "index.json";
export const CLUSTER_PATH = "cluster.json";

/** `policies/<ns>/<name>.yaml`. */
export function policyPath(policy: ObjectKey): string {
  return `policies/${policy.namespace}/${policy.name}.yaml`;
}

/** Which month's folder a backup belongs to. */
export interface BackupMonth {
  readonly location: ObjectKey;
  /** `2026/11`, of the start, UTC. */
  readonly month: string;
}

/** `backups/<location-ns>/<location>/<yyyy>/<mm>`. */
export function monthFolder({ location, month }: BackupMonth): string {
  return `backups/${location.namespace}/${location.name}/${month}`;
}

/** The month's `index.json`. */
export function shardPath(month: BackupMonth): string {
  return `${monthFolder(month)}/index.json`;
}

/** `<month folder>/<backup>.yaml`. */
export function backupPath(month: BackupMonth, backup: string): string {
  return `${monthFolder(month)}/${backup}.yaml`;
}

/** `restores/<ns>/<name>/<run>/`, with its files; `owners.json` only where owners were paused. */
export function restorePaths(
  plan: ObjectKey,
  run: string,
): { status: string; plan: string; objects: string; owners: string } {
  const folder = `restores/${plan.namespace}/${plan.name}/${run}`;
  return {
    status: `${folder}/status.yaml`,
    plan: `${folder}/plan.md`,
    objects: `${folder}/objects.jsonl`,
    owners: `${folder}/owners.json`,
  };
}

/** `sources/<ns>/<name>.json`: what a source declared when it was wholly applied last. */
export function sourcePath(source: ObjectKey): string {
  return `sources/${source.namespace}/${source.name}.json`;
}

/** `keys/<2 hex>/<sha256>.json`: the ledger of restore runs, in 256 folders, since a commit writes the folder anew. */
export function keyPath(keySha256: string): string {
  return `keys/${keySha256.slice(0, 2)}/${keySha256}.json`;
}

/** Where keys stood when all lay in one folder; those that do stay there. */
export function flatKeyPath(keySha256: string): string {
  return `keys/${keySha256}.json`;
}
