import { parse } from "yaml";
import { jsonDigest } from "../api/digest.ts";
import type { HookStatus, ResolvedBackup, RestorePlan, RestorePlanSpec } from "../api/kinds.generated.ts";
import type { PlanEntry } from "./plan.ts";
import { conditionRecord } from "./policy-record.ts";
import { stableJson, stableYaml } from "./stable-text.ts";

/** `restores/<ns>/<name>/<run>/status.yaml`: how a run stands or ended; no progress, so that it changes on transitions only. */
export function restoreRecordText(plan: RestorePlan, revision: string | undefined): string {
  const { status, metadata, spec } = plan;
  return stableYaml({
    name: metadata.name,
    namespace: metadata.namespace,
    run: status?.run?.id,
    key: status?.run?.key,
    revision,
    source: spec.source,
    backup: status?.backup,
    phase: status?.phase,
    conditions: (status?.conditions ?? []).map(conditionRecord),
    planDigest: status?.planDigest,
    planTotals: status?.planTotals,
    outcome: status?.outcome,
    warnings: status?.warnings,
    errors: status?.errors,
    hooks: status?.hookStatus,
    failureReason: status?.failureReason,
    validationErrors: status?.validationErrors,
    startTimestamp: status?.startTimestamp,
    completionTimestamp: status?.completionTimestamp,
    safetyBackup: status?.safetyBackup,
    pausedOwners: status?.pausedOwners,
  });
}

/** A run's `status.yaml`, as far as anybody reads it. */
export interface RestoreRecord {
  readonly namespace?: string;
  readonly source?: RestorePlanSpec["source"];
  readonly backup?: ResolvedBackup;
  readonly phase: string;
  readonly warnings?: number;
  readonly hooks?: HookStatus;
  readonly startTimestamp?: string;
  readonly completionTimestamp?: string;
}

/** Reads a run's `status.yaml`; undefined when the bytes are none, or tell no phase. */
export function parseRestoreRecord(bytes: Uint8Array): RestoreRecord | undefined {
  try {
    const record = parse(new TextDecoder().decode(bytes)) as Partial<RestoreRecord> | null;
    return typeof record?.phase === "string" ? (record as RestoreRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** A plan's entry as the record may hold it: paths and digests, no value of any object. */
export function recordedEntry(entry: PlanEntry): PlanEntry {
  if (entry.changes === undefined) return entry;
  const changes = entry.changes.map((change) => ({
    ...change,
    ...("before" in change ? { before: digestOf(change.before) } : {}),
    ...("after" in change ? { after: digestOf(change.after) } : {}),
  }));
  return { ...entry, changes };
}

function digestOf(value: unknown): string {
  return `sha256:${jsonDigest(value).slice(0, 12)}`;
}

/** `keys/<sha256>.json`: who runs, or ran, one restore; never removed. */
export interface KeyRecord {
  readonly key: string;
  readonly run: string;
  readonly cluster: string;
  readonly clusterUid: string;
  readonly namespace: string;
  readonly name: string;
  readonly term: number;
  readonly claimedAt: string;
  /** What `source` came to when the run began: a resumed run takes no newer one. */
  readonly backup?: ResolvedBackup;
  /** Absent while the run goes on. */
  readonly done?: { readonly phase: string; readonly completedAt: string; readonly term: number };
}

/** The bytes of a key's record. */
export function keyRecordText(record: KeyRecord): string {
  return stableJson(record);
}

/** Reads a key's record; undefined when the bytes are none. */
export function parseKeyRecord(bytes: Uint8Array): KeyRecord | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<KeyRecord> | null;
    if (typeof value?.key !== "string" || typeof value.run !== "string") return undefined;
    if (typeof value.cluster !== "string" || typeof value.clusterUid !== "string") return undefined;
    return value as KeyRecord;
  } catch {
    return undefined;
  }
}

/** `cluster.json`: whose branch it is. */
export interface ClusterRecord {
  readonly cluster: string;
  /** UID of `kube-system`. */
  readonly uid: string;
}

/** The bytes of `cluster.json`. */
export function clusterRecordText(record: ClusterRecord): string {
  return stableJson(record);
}

/** Reads `cluster.json`; undefined when the bytes are none. */
export function parseClusterRecord(bytes: Uint8Array): ClusterRecord | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<ClusterRecord> | null;
    return typeof value?.uid === "string" && typeof value.cluster === "string" ? (value as ClusterRecord) : undefined;
  } catch {
    return undefined;
  }
}
