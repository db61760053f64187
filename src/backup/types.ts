/**
 * The backup engine: selects objects, lists them as bytes, and writes them into one archive, marker last. It knows
 * nothing of Git, policies or restores. `execute.ts` runs it; everything named `plan` is pure.
 */
import type { BackupSpec, PendingHook } from "../api/kinds.generated.ts";
import type { ObjectKey } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { UnprotectedVolume } from "../volumes/unprotected.ts";

/** One backup to make. */
export interface BackupRequest {
  /** Also the folder's name in the bucket. */
  readonly name: string;
  /** Of the Backup object; a resource policy's ConfigMap is read from here. */
  readonly namespace: string;
  readonly spec: BackupSpec;
  /** The ConfigMap whose volume policies hold for every backup, behind those of the spec's own policy. */
  readonly globalVolumePolicies?: ObjectKey;
  /** The installation's name. */
  readonly cluster: string;
  readonly storageLocation: string;
  /** For the marker, beside those every backup has. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly policy?: BackupPolicyOrigin;
  /** A keep rule decides how long it is kept: no time of expiry is written down, by which a Velero would delete it. */
  readonly isKeptByRule?: boolean;
  readonly claim: BackupRunClaim;
  /** False where the location's probe found no conditional writes. */
  readonly conditionalWrites?: boolean;
  /** Back up exactly these and nothing else: filters, relations and hooks don't apply. Objects that don't exist are left out. */
  readonly objects?: readonly RequestedObject[];
  readonly signal?: AbortSignal;
  /** At most once a second, and at the end. */
  readonly onProgress?: (progress: BackupRunProgress) => void;
  /**
   * All post hooks that must still run, each time that changes: awaited before the first pre hook of a pod, so that a
   * crash leaves them in the CR's status, and told again when they have run.
   */
  readonly onPendingHooks?: (pending: readonly PendingHook[]) => Promise<void>;
  /** Called when a step of the write order is reached; tests kill the process there. */
  readonly onStep?: (step: BackupStep) => Promise<void> | void;
}

/** The policy that asked for the backup. */
export interface BackupPolicyOrigin {
  readonly name: string;
  readonly namespace: string;
  readonly schedule: string;
  /** The Git commit that last changed the policy. */
  readonly revision?: string;
}

/** Who runs the backup; the same token stands in the CR's status. */
export interface BackupRunClaim {
  readonly token: string;
  readonly term: number;
  /** UID of `kube-system`. */
  readonly clusterUid: string;
}

/** One object of an explicit list; `resource` is `deployments.apps`. */
export interface RequestedObject {
  readonly resource: string;
  readonly key: ObjectKey;
}

/** The steps of the write order, each reached before its write. */
export type BackupStep = "claim" | "archive" | "logs" | "lists" | "index" | "publish" | "marker" | "done";

/** How far a backup is. */
export interface BackupRunProgress {
  readonly itemsBackedUp: number;
  /** Known of so far: listed, or left by the server's `remainingItemCount`. Grows while LISTs and relations tell of more. */
  readonly totalItems: number;
  readonly itemsPerSecond: number;
  /** Seconds that are left at this rate; undefined before there is one. */
  readonly etaSeconds: number | undefined;
  readonly resourcesListed: number;
  /** Until all are listed, `totalItems` and `etaSeconds` are too low. */
  readonly totalResources: number;
}

export interface BackupDeps {
  readonly kube: KubeClient;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<BackupLimits>;
}

/** Bounds on what a backup asks of the API server and of memory. */
export interface BackupLimits {
  /** LISTs in flight. */
  readonly lists: number;
  /** Items a page. */
  readonly pageSize: number;
  /** Single GETs in flight. */
  readonly gets: number;
  /** Pods with hooks at once. */
  readonly hookedPods: number;
  /** Related names of one resource above which it is listed and not fetched one by one. */
  readonly relatedGets: number;
}

export const DEFAULT_BACKUP_LIMITS: BackupLimits = { lists: 4, pageSize: 500, gets: 8, hookedPods: 4, relatedGets: 50 };

export type BackupPhase = "Completed" | "PartiallyFailed" | "Failed" | "FailedValidation";

/** What became of a backup. Times are RFC 3339, UTC. */
export interface BackupOutcome {
  readonly phase: BackupPhase;
  readonly startTimestamp: string;
  readonly completionTimestamp: string;
  readonly expiration?: string;
  readonly itemsBackedUp: number;
  readonly totalItems: number;
  readonly warnings: number;
  readonly errors: number;
  readonly results: BackupResults;
  /** Only with `Failed`. */
  readonly failureReason?: string;
  /** The reason of the request's signal, where that is what ended the backup. */
  readonly stoppedBy?: unknown;
  /** Only with `FailedValidation`; Velero's words. */
  readonly validationErrors?: readonly string[];
  readonly manifestSha256?: string;
  readonly archiveSizeBytes?: number;
  readonly hookStatus?: { readonly hooksAttempted: number; readonly hooksFailed: number };
  readonly unprotectedVolumes: readonly UnprotectedVolume[];
}

/** Velero's shape of one half of a results file: by namespace, about cluster-scoped objects, and about the run. */
export interface ResultGroups {
  readonly velero?: readonly string[];
  readonly cluster?: readonly string[];
  readonly namespaces?: Readonly<Record<string, readonly string[]>>;
}

/** `<name>-results.gz`. */
export interface BackupResults {
  readonly warnings: ResultGroups;
  readonly errors: ResultGroups;
}
