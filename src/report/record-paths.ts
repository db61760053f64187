/**
 * The record in Git: what was promised and done, as files with deterministic bytes. This file names every path of the
 * status branch; the files beside it render them. Knows nothing of Git, clusters or clocks.
 */
import type { ObjectKey } from "../api/object.ts";

export const README_PATH = "README.md";
export const INDEX_PATH = "index.json";
export const CLUSTER_PATH = "cluster.json";
/** What the records that left the branch had added to counters. */
export const COUNTERS_PATH = "counters.json";

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

/** The month whose `index.json` stands at a path; undefined for any other path. */
export function monthAt(path: string): BackupMonth | undefined {
  const [, namespace, name, month] = /^backups\/([^/]+)\/([^/]+)\/(\d{4}\/\d{2})\/index\.json$/.exec(path) ?? [];
  return namespace === undefined || name === undefined || month === undefined
    ? undefined
    : { location: { namespace, name }, month };
}

/** `<month folder>/<backup>.yaml`. */
export function backupPath(month: BackupMonth, backup: string): string {
  return `${monthFolder(month)}/${backup}.yaml`;
}

/** `restores/<ns>/<name>`: all runs of a RestorePlan. */
export function restoresFolder(plan: ObjectKey): string {
  return `restores/${plan.namespace}/${plan.name}`;
}

/** `restores/<ns>/<name>/<run>`. */
export function restoreFolder(plan: ObjectKey, run: string): string {
  return `${restoresFolder(plan)}/${run}`;
}

/** The files of a run; `owners.json` only where owners were paused. */
export function restorePaths(
  plan: ObjectKey,
  run: string,
): { status: string; plan: string; objects: string; owners: string } {
  const folder = restoreFolder(plan, run);
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

/**
 * The branch to which a year's records move: `holdfast/prod` has `holdfast-archive/prod/2024`, and `record` has
 * `record-archive/2024`. Never below the branch itself: Git can't have a branch inside another one's name.
 */
export function archiveBranch(statusBranch: string, year: number): string {
  const [first = "", ...rest] = statusBranch.replace(/^refs\/heads\//, "").split("/");
  return [`${first}-archive`, ...rest, year].join("/");
}
