import { CLUSTER_LABEL, MANIFEST_SHA256_ANNOTATION, REVISION_ANNOTATION } from "../api/annotations.ts";
import { setCondition, setStanding } from "../api/conditions.ts";
import type { Backup, BackupOrigin, BackupStatus, Condition } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { DEFINITIONS } from "../api/schemas.generated.ts";

/** In a marker and on a Backup: what the archive's own fields have no place for. */
export const ORIGIN_ANNOTATIONS = {
  cluster: "holdfast.dev/cluster",
  namespace: "holdfast.dev/namespace",
  policy: "holdfast.dev/policy",
  schedule: "holdfast.dev/schedule",
  slot: "holdfast.dev/slot",
} as const;

/** On a Backup that sync made: the location it was found in. Such a Backup is a record and is never run. */
export const SYNCED_ANNOTATION = "holdfast.dev/synced-from";

/** Fields of Velero's that we refuse in YAML, and that say nothing about a backup that exists. */
const NOT_TAKEN_OVER = new Set(["snapshotVolumes", "defaultVolumesToFsBackup", "snapshotMoveData", "hooks"]);

/** The annotations a marker carries, so that the Backup can be made again from the bucket alone. */
export function originAnnotations(
  backup: Pick<Backup, "metadata">,
  cluster: string,
  origin: BackupOrigin | undefined,
): Record<string, string> {
  const entries: [string, string | undefined][] = [
    [ORIGIN_ANNOTATIONS.cluster, cluster],
    [ORIGIN_ANNOTATIONS.namespace, backup.metadata.namespace],
    [ORIGIN_ANNOTATIONS.policy, origin && `${origin.namespace ?? backup.metadata.namespace ?? ""}/${origin.name}`],
    [ORIGIN_ANNOTATIONS.schedule, origin?.schedule],
    [ORIGIN_ANNOTATIONS.slot, origin?.slot],
    [REVISION_ANNOTATION, origin?.revision],
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The Backup that stands for a marker found in a location. Pure. */
export function backupOfMarker(marker: KubeObject, location: ObjectKey): KubeObject {
  const labels = Object.entries(marker.metadata.labels ?? {}).filter(([name]) => name.startsWith("holdfast.dev/"));
  const cluster = marker.metadata.annotations?.[ORIGIN_ANNOTATIONS.cluster];
  if (cluster !== undefined) labels.push([CLUSTER_LABEL, cluster]);
  return {
    apiVersion: API_VERSION,
    kind: "Backup",
    metadata: {
      name: marker.metadata.name,
      namespace: location.namespace,
      annotations: { [SYNCED_ANNOTATION]: location.name },
      ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    },
    spec: { ...knownSpec(marker), storageLocation: location.name },
  };
}

/** The least a synced Backup says, for markers whose spec our schema does not take. */
export function bareBackupOfMarker(marker: KubeObject, location: ObjectKey): KubeObject {
  const whole = backupOfMarker(marker, location);
  return { ...whole, spec: { storageLocation: location.name } };
}

/** The status that a marker tells, with its conditions. Times come from the marker; `nowMs` dates the conditions. */
export function statusOfMarker(
  marker: KubeObject,
  location: ObjectKey,
  before: Pick<Backup, "metadata" | "status">,
  nowMs: number,
): BackupStatus {
  const told = (marker.status ?? {}) as BackupStatus;
  const annotations = marker.metadata.annotations ?? {};
  const manifestSha256 = annotations[MANIFEST_SHA256_ANNOTATION];
  const cluster = annotations[ORIGIN_ANNOTATIONS.cluster];
  const origin = originOf(annotations);
  const phase = told.phase ?? "Completed";
  const generation = before.metadata.generation;
  return {
    ...pick(told, TOLD_FIELDS),
    phase,
    storageLocation: location.name,
    ...(cluster === undefined ? {} : { cluster }),
    ...(manifestSha256 === undefined ? {} : { manifestSha256 }),
    ...(origin === undefined ? {} : { policy: origin }),
    ...(before.status?.run === undefined ? {} : { run: before.status.run }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: endedConditions(
      before.status?.conditions,
      { phase, message: `found in location ${location.name}`, generation },
      nowMs,
    ),
  };
}

/** Ready and Succeeded of a backup that ended: Ready says that it is settled, Succeeded how it went. */
export function endedConditions(
  conditions: readonly Condition[] | undefined,
  ended: {
    readonly phase: string;
    readonly message: string;
    readonly generation: number | undefined;
    readonly reason?: "Interrupted" | "Cancelled";
  },
  nowMs: number,
): readonly Condition[] {
  const { phase, message, generation } = ended;
  const reason = ended.reason ?? REASONS[phase] ?? "Failed";
  const isInvalid = phase === "FailedValidation";
  const standing = { type: isInvalid ? "stalled" : "ready", reason, message } as const;
  const settled = setStanding(conditions, standing, generation, nowMs);
  const succeeded = { type: "Succeeded", status: phase === "Completed", reason, message } as const;
  return setCondition(settled, { ...succeeded, observedGeneration: generation }, nowMs);
}

const REASONS: Readonly<Record<string, "Completed" | "PartiallyFailed" | "Failed" | "FailedValidation">> = {
  Completed: "Completed",
  PartiallyFailed: "PartiallyFailed",
  Failed: "Failed",
  FailedValidation: "FailedValidation",
};

const TOLD_FIELDS = [
  "version",
  "formatVersion",
  "startTimestamp",
  "completionTimestamp",
  "expiration",
  "progress",
  "warnings",
  "errors",
  "failureReason",
  "hookStatus",
] as const;

function pick<T extends object, K extends keyof T>(from: T, fields: readonly K[]): Pick<T, K> {
  return Object.fromEntries(
    fields.filter((field) => from[field] !== undefined).map((field) => [field, from[field]]),
  ) as Pick<T, K>;
}

function originOf(annotations: Readonly<Record<string, string>>): BackupOrigin | undefined {
  const [namespace, name] = annotations[ORIGIN_ANNOTATIONS.policy]?.split("/") ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  const schedule = annotations[ORIGIN_ANNOTATIONS.schedule];
  const slot = annotations[ORIGIN_ANNOTATIONS.slot];
  const revision = annotations[REVISION_ANNOTATION];
  return {
    namespace,
    name,
    ...(schedule === undefined ? {} : { schedule }),
    ...(slot === undefined ? {} : { slot }),
    ...(revision === undefined ? {} : { revision }),
  };
}

function knownSpec(marker: KubeObject): Record<string, unknown> {
  const definition = DEFINITIONS.BackupSpec as { readonly properties: Readonly<Record<string, unknown>> };
  const spec = Object.entries((marker.spec ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    spec.filter(
      ([field, value]) => Object.hasOwn(definition.properties, field) && !NOT_TAKEN_OVER.has(field) && value !== null,
    ),
  );
}
