/**
 * The restore engine: brings archived objects back as Velero's restore does, one pure decision per object and a thin
 * execution. Here stand the shapes that its callers see.
 */
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import type { GroupVersionResource, KubeObject, ObjectKey, OwnerReference } from "../api/object.ts";
import type { PatchOperation } from "../api/patch.ts";
import type { Clock } from "../clock.ts";
import type { Ownership, OwnerWorld } from "../gitops/ownership.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import type { PlanEntry, PlanSummary } from "../report/plan.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";

/** What a restore needs from the world. */
export interface RestoreDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The backup's store: its volume info is read there, and a run writes `restores/<run>/`; a plan writes nothing. */
  readonly store?: ObjectStore | undefined;
  readonly limits?: Partial<RestoreLimits>;
}

export interface RestoreLimits {
  /** Most writes at once within one order step; the number adapts below it. */
  readonly maxWrites: number;
  /** How long a terminating namespace is waited for, once. */
  readonly terminatingTimeoutMs: number;
  /** How long a CRD may take to be established, and a hook's pod to appear where it sets no time. */
  readonly resourceTimeoutMs: number;
}

export const DEFAULT_LIMITS: RestoreLimits = {
  maxWrites: 32,
  terminatingTimeoutMs: 600_000,
  resourceTimeoutMs: 600_000,
};

/** One restore of one backup: what was asked, resolved and parsed by the caller. */
export interface RestoreRequest {
  /** `<name>-<YYYYMMDDhhmmss>`: the value of the restore-name label and the folder under `restores/`. */
  readonly run: string;
  readonly spec: RestorePlanSpec;
  readonly backup: BackupReader;
  /** Velero's resource-modifier ConfigMap named by the spec: its `data`. */
  readonly modifierData?: Readonly<Record<string, string>>;
  /** Velero's resource-policy ConfigMap named by the spec: its `data`. */
  readonly policyData?: Readonly<Record<string, string>>;
  /** Maps of Velero's plug-in ConfigMaps, which the spec's own mappings override. */
  readonly storageClassMapping?: Readonly<Record<string, string>>;
  readonly imageMapping?: readonly string[];
  /** Velero's `--restore-resource-priorities`. */
  readonly resourcePriorities?: readonly string[];
  /** The plan says who applies the objects from Git, and which changes Git will undo. */
  readonly owners?: OwnerWorld;
  /** The plan asks the API server to try each write (`dryRun=All`). */
  readonly serverDryRun?: boolean;
  /** An earlier attempt of this very run may have written before: what carries its marks is its work. */
  readonly mayResume?: boolean;
  /**
   * The safety backup of this run: an object that is no longer as it was copied is not written, so that an undo can
   * always return it.
   */
  readonly safety?: BackupReader;
  /** What an earlier attempt of this very run recorded, so that a resumed run tells the whole story. */
  readonly recorded?: (resource: string, key: RecordedKey) => ObjectRecord | undefined;
  /** Which hooks earlier attempts of this run began; without it a resumed run starts none of theirs. */
  readonly hookJournal?: HookJournal;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
  /** Called once per object, in completion order; awaited, so a slow sink slows the run. */
  readonly onRecord?: (record: ObjectRecord) => void | Promise<void>;
}

/** What became of the hooks of one pod. */
export interface HookResult {
  readonly attempted: number;
  readonly failed: number;
  readonly errors: readonly string[];
}

/** Remembers hooks across attempts of one run: a command may run again only where it is known not to have begun. */
export interface HookJournal {
  /** Undefined: not begun. `begun`: it may have run, whole or in part. */
  state(pod: ObjectKey): "begun" | HookResult | undefined;
  /** Resolves when it can't be forgotten any more. */
  begin(pod: ObjectKey): Promise<void>;
  end(pod: ObjectKey, result: HookResult): Promise<void>;
}

export interface RestoreProgress {
  readonly totalItems: number;
  readonly itemsRestored: number;
}

/** What became of one object. */
export type ObjectOutcome =
  | "created"
  | "patched"
  | "labelled"
  | "unchanged"
  | "recreated"
  | "deleted"
  | "skipped"
  | "failed";

/** One line of `objects.jsonl`: readable by people, enough to undo by. */
export interface ObjectRecord {
  readonly resource: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly archivedAs?: string;
  readonly outcome: ObjectOutcome;
  readonly reason?: string;
  readonly message?: string;
  /** A write was refused or an object stayed different, and the run went on. */
  readonly warnings?: readonly string[];
  readonly errors?: readonly string[];
  /** After the write: what an undo is guarded by. Absent where nothing was written. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly content?: string;
  /** Of the object that stood there and that the run sent a deletion for, to create it anew. */
  readonly deletedUid?: string;
}

/** What an object is recorded under: where it stands, and where it came from. */
export interface RecordedKey extends ObjectKey {
  readonly archivedAs?: string;
}

/** Velero's shape of a result file. */
export interface Result {
  velero?: string[];
  cluster?: string[];
  namespaces?: Record<string, string[]>;
}

export type RestorePhase = "Completed" | "PartiallyFailed" | "Failed" | "FailedValidation";

export interface RestoreOutcome {
  readonly phase: RestorePhase;
  readonly failureReason?: string;
  readonly validationErrors?: readonly string[];
  /** RFC 3339, UTC. */
  readonly startTimestamp: string;
  readonly completionTimestamp: string;
  readonly totalItems: number;
  readonly itemsRestored: number;
  readonly counts: Readonly<Record<ObjectOutcome, number>>;
  readonly warnings: number;
  readonly errors: number;
  readonly results: { readonly warnings: Result; readonly errors: Result };
  readonly hookStatus?: { readonly hooksAttempted: number; readonly hooksFailed: number };
  /** True when the run was cancelled: what was written stays, the rest was not looked at. */
  readonly cancelled: boolean;
}

/** An object that a plan will write: what a safety backup must hold. */
export interface TouchedObject {
  readonly resource: string;
  readonly key: ObjectKey;
}

/** A warning about an object that is not in the backup. */
export interface MissingRelated {
  /** Of the missing object in the cluster; "" for cluster-scoped ones. */
  readonly namespace: string;
  readonly message: string;
}

/** One planned object with what its execution needs; `entry` alone is what people see. */
export interface PlannedItem {
  readonly entry: PlanEntry;
  readonly gvr: GroupVersionResource;
  /** What is to stand in the cluster (`create`, `recreate`, `patch`). */
  readonly desired?: KubeObject;
  /** RFC 6902, opening with the `test` of resourceVersion (`patch`, `labelsOnly`). */
  readonly operations?: readonly PatchOperation[];
  /** Sent in place of `operations` after the first, where those would be too many or too large. */
  readonly mergePatch?: Readonly<Record<string, unknown>>;
  /** Archived status that is to be put back after a create. */
  readonly status?: unknown;
  /** Archived managedFields that are to be put back after a create. */
  readonly managedFields?: readonly unknown[];
  /** Owners the archived object had. */
  readonly owners?: readonly OwnerReference[];
  /** What went wrong on the way to the plan and leaves the object to be written all the same. */
  readonly errors?: readonly string[];
  /** What it needs and the backup does not hold; also among the entry's warnings. */
  readonly missing?: readonly MissingRelated[];
  /** What an earlier attempt of this very run made of it. */
  readonly resumedAs?: "created" | "patched";
  /** resourceVersion of the live object that `recreate` and `delete` end. */
  readonly liveVersion?: string;
  /** Content digest of the live object it was planned against. */
  readonly liveDigest?: () => string;
  /** An undo: where the write is refused, nothing else is tried. */
  readonly exact?: boolean;
  /** Who applies it from Git, where the request asks for that. */
  readonly ownership?: Ownership;
  /** Nothing else is under way while this one is written. */
  readonly barrier?: boolean;
  /** Plans the object anew against what stands there now; undefined when it is gone. */
  readonly replan?: (live: KubeObject | undefined) => PlannedItem | Promise<PlannedItem>;
}

/** A plan as it is made: the objects in restore order, then the summary as the generator's return value. */
export type PlanStream = AsyncGenerator<PlannedItem, PlanSummary, void>;
