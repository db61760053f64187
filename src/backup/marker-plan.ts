/** `velero-backup.json`: the Backup as Velero would have written it, so that it syncs, lists and restores it. Pure. */

import { GLOBAL_POLICY_ANNOTATION } from "../api/annotations.ts";
import { formatGoDuration, parseDuration } from "../api/duration.ts";
import type { BackupSpec } from "../api/kinds.generated.ts";
import { labelValue } from "../api/label-value.ts";
import type { KubeObject } from "../api/object.ts";
import { NEVER_SELECTED, usesOldFamily } from "./scope-plan.ts";
import type { BackupRequest } from "./types.ts";

const DEFAULT_TTL_MS = 720 * 3_600_000;
/** Version of the archive's layout that Velero knows. */
export const VELERO_FORMAT_VERSION = "1.1.0";

/** What the run adds to the request. */
export interface MarkerFacts {
  readonly phase: "Completed" | "PartiallyFailed";
  /** RFC 3339, UTC. */
  readonly startTimestamp: string;
  readonly completionTimestamp: string;
  readonly expiration: string | undefined;
  readonly items: number;
  readonly warnings: number;
  readonly errors: number;
  readonly hookStatus: { readonly hooksAttempted: number; readonly hooksFailed: number };
  /** Answer of `/version`. */
  readonly serverVersion: { readonly gitVersion: string; readonly major: string; readonly minor: string };
  /** Namespaces that their label kept out. */
  readonly labelledOut: readonly string[];
}

/** The marker without the manifest's digest, which the writer adds. */
export function markerObject(request: BackupRequest, facts: MarkerFacts): KubeObject {
  return {
    kind: "Backup",
    apiVersion: "velero.io/v1",
    metadata: {
      name: request.name,
      namespace: "velero",
      creationTimestamp: facts.startTimestamp,
      labels: {
        ...request.labels,
        ...(request.policy === undefined
          ? {}
          : { "velero.io/schedule-name": labelValue(`${request.policy.name}-${request.policy.schedule}`) }),
        "velero.io/storage-location": labelValue(request.storageLocation),
      },
      annotations: {
        ...request.annotations,
        "velero.io/resource-timeout": "10m0s",
        "velero.io/source-cluster-k8s-gitversion": facts.serverVersion.gitVersion,
        "velero.io/source-cluster-k8s-major-version": facts.serverVersion.major,
        "velero.io/source-cluster-k8s-minor-version": facts.serverVersion.minor,
        "holdfast.dev/cluster": request.cluster,
        ...(request.globalVolumePolicies === undefined
          ? {}
          : { [GLOBAL_POLICY_ANNOTATION]: request.globalVolumePolicies.name }),
      },
    },
    spec: markerSpec(request, facts.labelledOut),
    status: {
      version: 1,
      formatVersion: VELERO_FORMAT_VERSION,
      ...(facts.expiration === undefined ? {} : { expiration: facts.expiration }),
      phase: facts.phase,
      startTimestamp: facts.startTimestamp,
      completionTimestamp: facts.completionTimestamp,
      ...omitZero({ warnings: facts.warnings, errors: facts.errors }),
      progress: omitZero({ totalItems: facts.items, itemsBackedUp: facts.items }),
      hookStatus: omitZero(facts.hookStatus),
    },
  };
}

/** When the backup may go: undefined with a TTL of zero, and under a keep rule. */
export function expirationMs(request: BackupRequest, startMs: number): number | undefined {
  const ttlMs = ttlOf(request.spec);
  return ttlMs <= 0 || request.isKeptByRule === true ? undefined : startMs + ttlMs;
}

/** The spec after defaulting, as Velero stores it: durations in Go's form, its own excludes and `*` spelt out. */
function markerSpec(request: BackupRequest, labelledOut: readonly string[]): Record<string, unknown> {
  const { apiVersions: _ours, ...spec } = request.spec;
  const excludedNamespaces = [
    ...(spec.excludedNamespaces ?? []),
    ...labelledOut.filter((name) => !spec.excludedNamespaces?.includes(name)),
  ];
  return {
    metadata: {},
    ...spec,
    includedNamespaces: spec.includedNamespaces?.length ? spec.includedNamespaces : ["*"],
    ...(excludedNamespaces.length > 0 ? { excludedNamespaces } : {}),
    ...automaticExcludes(spec),
    ttl: formatGoDuration(ttlOf(spec)),
    volumeGroupSnapshotLabelKey: "velero.io/volume-group",
    hooks: spec.hooks ?? {},
    storageLocation: request.storageLocation,
    defaultVolumesToFsBackup: false,
    csiSnapshotTimeout: "10m0s",
    itemOperationTimeout: "4h0m0s",
    snapshotMoveData: false,
  };
}

function automaticExcludes(spec: BackupSpec): Partial<BackupSpec> {
  const [snapshots = "", contents = ""] = NEVER_SELECTED;
  if (usesOldFamily(spec)) return { excludedResources: [...(spec.excludedResources ?? []), snapshots, contents] };
  const unlessAll = (own: readonly string[] | undefined, name: string): string[] =>
    own?.includes("*") ? [...own] : [...(own ?? []), name];
  return {
    excludedClusterScopedResources: unlessAll(spec.excludedClusterScopedResources, contents),
    excludedNamespaceScopedResources: unlessAll(spec.excludedNamespaceScopedResources, snapshots),
  };
}

function ttlOf(spec: BackupSpec): number {
  return spec.ttl === undefined || spec.ttl === "" ? DEFAULT_TTL_MS : (parseDuration(spec.ttl) ?? DEFAULT_TTL_MS);
}

function omitZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
