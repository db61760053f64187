/* Generated from schemas/ by `npm run generate`; never edited by hand. */

import type { ObjectMeta } from "./object.ts";

/**
 * What to back up, where to and for how long. Fields mean what they mean in Velero.
 */
export interface BackupSpec {
  /**
   * Namespaces to back up, by name or pattern. Absent or `*`: all.
   */
  readonly includedNamespaces?: readonly string[];
  /**
   * Namespaces to leave out, by name or pattern.
   */
  readonly excludedNamespaces?: readonly string[];
  /**
   * Resources to back up (`deployments.apps`, `pods`, `*.example.com`). Absent or `*`: all.
   */
  readonly includedResources?: readonly string[];
  /**
   * Resources to leave out.
   */
  readonly excludedResources?: readonly string[];
  /**
   * Cluster-scoped resources to back up.
   */
  readonly includedClusterScopedResources?: readonly string[];
  /**
   * Cluster-scoped resources to leave out; `*`: all of them.
   */
  readonly excludedClusterScopedResources?: readonly string[];
  /**
   * Namespaced resources to back up.
   */
  readonly includedNamespaceScopedResources?: readonly string[];
  /**
   * Namespaced resources to leave out; `*`: all of them.
   */
  readonly excludedNamespaceScopedResources?: readonly string[];
  /**
   * true: cluster-scoped objects too; false: none; absent: those that the selected objects need, or all where nothing narrows the backup.
   */
  readonly includeClusterResources?: boolean;
  readonly labelSelector?: LabelSelector;
  /**
   * Objects that any of these select.
   */
  readonly orLabelSelectors?: readonly LabelSelector[];
  /**
   * Objects to back up first, in order: resource → comma-separated `namespace/name` (`name` where cluster-scoped).
   */
  readonly orderedResources?: {
    readonly [k: string]: string;
  };
  readonly hooks?: BackupHooks;
  readonly resourcePolicy?: ConfigMapReference;
  /**
   * Velero's switch for volume snapshots. Holdfast copies no volume data yet and refuses `true`.
   */
  readonly snapshotVolumes?: boolean;
  /**
   * Velero's switch for file-system backup of volumes. Holdfast copies no volume data yet and refuses `true`.
   */
  readonly defaultVolumesToFsBackup?: boolean;
  /**
   * Velero's switch for moving snapshot data. Holdfast copies no volume data yet and refuses `true`.
   */
  readonly snapshotMoveData?: boolean;
  /**
   * Which versions of each object are archived. Absent: Preferred.
   */
  readonly apiVersions?: "Preferred" | "All";
  /**
   * The BackupStorageLocation, in the same namespace. Absent: the default one.
   */
  readonly storageLocation?: string;
  /**
   * How long the backup is kept, from its start; `0s`: for ever. Absent: 720h.
   */
  readonly ttl?: string;
}
/**
 * Selects objects by labels; all parts must hold. Empty selects everything.
 */
export interface LabelSelector {
  /**
   * Labels an object must carry with exactly these values.
   */
  readonly matchLabels?: {
    readonly [k: string]: string;
  };
  /**
   * Requirements on label keys.
   */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}
/**
 * One requirement on a label key.
 */
export interface LabelSelectorRequirement {
  /**
   * The label's key.
   */
  readonly key: string;
  /**
   * How the key's value relates to `values`.
   */
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  /**
   * Values for In and NotIn; empty for Exists and DoesNotExist.
   */
  readonly values?: readonly string[];
}
/**
 * Commands run in pods around their backup.
 */
export interface BackupHooks {
  /**
   * Hooks with the pods they are for.
   */
  readonly resources?: readonly BackupResourceHookSpec[];
}
/**
 * Hooks for the pods that the filters select.
 */
export interface BackupResourceHookSpec {
  /**
   * What logs and results call the hook.
   */
  readonly name: string;
  /**
   * Namespaces of the pods. Absent: all.
   */
  readonly includedNamespaces?: readonly string[];
  /**
   * Namespaces to leave out.
   */
  readonly excludedNamespaces?: readonly string[];
  /**
   * Only `pods` is supported.
   */
  readonly includedResources?: readonly string[];
  /**
   * Resources to leave out.
   */
  readonly excludedResources?: readonly string[];
  readonly labelSelector?: LabelSelector;
  /**
   * Before the pod and its volumes are backed up.
   */
  readonly pre?: readonly BackupResourceHook[];
  /**
   * After the pod and its volumes are backed up.
   */
  readonly post?: readonly BackupResourceHook[];
}
/**
 * One hook.
 */
export interface BackupResourceHook {
  readonly exec: BackupExecHook;
}
/**
 * A command in a container.
 */
export interface BackupExecHook {
  /**
   * The container. Absent: the pod's first.
   */
  readonly container?: string;
  /**
   * The command and its arguments; no shell.
   */
  readonly command: readonly string[];
  /**
   * `Fail`: the pod is not backed up. Absent: Fail.
   */
  readonly onError?: "Fail" | "Continue";
  /**
   * How long the command may take. Absent: 30s.
   */
  readonly timeout?: string;
}
/**
 * Names a ConfigMap in the object's own namespace, as Velero does.
 */
export interface ConfigMapReference {
  /**
   * Empty: the core group.
   */
  readonly apiGroup?: string;
  /**
   * `ConfigMap`, in any case.
   */
  readonly kind: string;
  /**
   * The ConfigMap's name.
   */
  readonly name: string;
}
/**
 * What became of the backup. Fields mean what they mean in Velero.
 */
export interface BackupStatus {
  /**
   * The `metadata.generation` this status speaks of; -1 before the first look.
   */
  readonly observedGeneration?: number;
  /**
   * kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Velero's word for where the backup is; `Deleted` is ours: the data is gone, and the object stays because Git declares it.
   */
  phase?:
    | "New"
    | "Queued"
    | "ReadyToStart"
    | "FailedValidation"
    | "InProgress"
    | "WaitingForPluginOperations"
    | "WaitingForPluginOperationsPartiallyFailed"
    | "Finalizing"
    | "FinalizingPartiallyFailed"
    | "Completed"
    | "PartiallyFailed"
    | "Failed"
    | "Deleting"
    | "Deleted";
  /**
   * Major version of the archive format.
   */
  readonly version?: number;
  /**
   * Version of the archive format.
   */
  readonly formatVersion?: string;
  /**
   * When it began.
   */
  readonly startTimestamp?: string;
  /**
   * When it ended.
   */
  readonly completionTimestamp?: string;
  /**
   * When it may be deleted; absent: never by age alone.
   */
  readonly expiration?: string;
  readonly progress?: BackupProgress;
  /**
   * Warnings in the results.
   */
  readonly warnings?: number;
  /**
   * Errors in the results.
   */
  readonly errors?: number;
  /**
   * Why the backup as a whole failed.
   */
  readonly failureReason?: string;
  /**
   * Why the spec was refused.
   */
  readonly validationErrors?: readonly string[];
  readonly hookStatus?: HookStatus;
  readonly run?: RunClaim;
  /**
   * Name of the installation that made it.
   */
  readonly cluster?: string;
  /**
   * The location it is in.
   */
  readonly storageLocation?: string;
  readonly policy?: BackupOrigin;
  /**
   * Digest of `holdfast.json`; absent for Velero's backups.
   */
  readonly manifestSha256?: string;
  /**
   * Size of the archive.
   */
  readonly archiveSizeBytes?: number;
  /**
   * Persistent volume claims whose data is not in the backup.
   */
  readonly unprotectedVolumes?: number;
  /**
   * Post hooks that must still run, whatever happens.
   */
  readonly pendingHooks?: readonly PendingHook[];
}
/**
 * One aspect of an object's state, as kstatus and kubectl read it.
 */
export interface Condition {
  /**
   * Name of the condition, CamelCase.
   */
  readonly type: string;
  /**
   * Whether the condition holds.
   */
  readonly status: "True" | "False" | "Unknown";
  /**
   * Why, as one CamelCase word that programs may match.
   */
  readonly reason: string;
  /**
   * Why, for people.
   */
  readonly message: string;
  /**
   * When `status` last changed.
   */
  readonly lastTransitionTime: string;
  /**
   * The `metadata.generation` the condition was made for.
   */
  readonly observedGeneration?: number;
}
/**
 * How far it is.
 */
export interface BackupProgress {
  /**
   * Objects it holds. While it runs, those known of so far: listed, or left by the API server's own count (remainingItemCount). It grows until every resource is listed.
   */
  readonly totalItems?: number;
  /**
   * Objects written.
   */
  readonly itemsBackedUp?: number;
  /**
   * Objects written a second since its start; only while it runs.
   */
  readonly itemsPerSecond?: number;
  /**
   * Seconds that the objects known of take at this rate: an estimate, and the least it can be while resources are still to be listed. Only while it runs.
   */
  readonly etaSeconds?: number;
  /**
   * Resources whose objects are all listed; only while it runs.
   */
  readonly resourcesListed?: number;
  /**
   * Resources to list; only while it runs.
   */
  readonly totalResources?: number;
}
/**
 * How many hooks were tried and how many failed.
 */
export interface HookStatus {
  /**
   * Hooks that were tried.
   */
  readonly hooksAttempted?: number;
  /**
   * Hooks that failed.
   */
  readonly hooksFailed?: number;
}
/**
 * Who runs this object, so that no two do.
 */
export interface RunClaim {
  /**
   * Name of the run.
   */
  readonly id: string;
  /**
   * Random, written here before it is written to the bucket.
   */
  readonly token: string;
  /**
   * `leaseTransitions` of the leader that claimed the run.
   */
  readonly term: number;
  /**
   * UID of the namespace `kube-system` of the cluster the run belongs to.
   */
  readonly clusterUid?: string;
  /**
   * SHA-256 of (cluster, namespace, spec digest, runId) of a restore.
   */
  readonly key?: string;
  /**
   * When the run was claimed.
   */
  readonly claimedAt?: string;
}
/**
 * The policy that asked for it.
 */
export interface BackupOrigin {
  /**
   * The BackupPolicy.
   */
  readonly name: string;
  /**
   * Its namespace.
   */
  readonly namespace?: string;
  /**
   * The schedule's name; `manual` on demand.
   */
  readonly schedule?: string;
  /**
   * The scheduled time.
   */
  readonly slot?: string;
  /**
   * The commit that last changed the policy.
   */
  readonly revision?: string;
}
/**
 * A post hook that was promised when the pre hook ran.
 */
export interface PendingHook {
  /**
   * The pod's namespace.
   */
  readonly namespace: string;
  /**
   * The pod.
   */
  readonly pod: string;
  /**
   * The pod's UID.
   */
  readonly uid?: string;
  /**
   * The container.
   */
  readonly container?: string;
  /**
   * The command.
   */
  readonly command: readonly string[];
  /**
   * What a failure means.
   */
  readonly onError?: "Fail" | "Continue";
  /**
   * How long it may take.
   */
  readonly timeout?: string;
  /**
   * The hook's name in results.
   */
  readonly name?: string;
}
/**
 * Schedules and what each of their backups holds.
 */
export interface BackupPolicySpec {
  /**
   * When backups are made; each with its own retention.
   */
  readonly schedules: readonly Schedule[];
  readonly template?: BackupSpec;
  /**
   * Makes no backups while true; slots that pass meanwhile are not made up. Absent: false.
   */
  readonly suspend?: boolean;
  /**
   * Whether a slot missed while Holdfast was down runs once when it is back. Absent: true.
   */
  readonly catchUp?: boolean;
}
/**
 * One series of backups.
 */
export interface Schedule {
  /**
   * Part of the backups' names.
   */
  readonly name: string;
  /**
   * Five cron fields, `@hourly` to `@yearly`, or `@every 1h30m`; `CRON_TZ=Zone` may stand in front.
   */
  readonly cron: string;
  /**
   * IANA name of the zone the line is read in. Absent: UTC.
   */
  readonly timeZone?: string;
  /**
   * How long these backups are kept at least; `0s`: for ever. Absent: that of the template, else 720h.
   */
  readonly ttl?: string;
  /**
   * The newest so many backups are kept, however old they are.
   */
  readonly keepLast?: number;
  /**
   * The newest backup of each of the last so many hours that have one is kept.
   */
  readonly keepHourly?: number;
  /**
   * The newest backup of each of the last so many days that have one is kept.
   */
  readonly keepDaily?: number;
  /**
   * The newest backup of each of the last so many weeks that have one is kept; weeks begin on Monday.
   */
  readonly keepWeekly?: number;
  /**
   * The newest backup of each of the last so many months that have one is kept.
   */
  readonly keepMonthly?: number;
  /**
   * The newest backup of each of the last so many years that have one is kept.
   */
  readonly keepYearly?: number;
  /**
   * `Immediate`: one backup when the policy is first seen. Absent: Slot.
   */
  readonly firstRun?: "Slot" | "Immediate";
  /**
   * Up to how long a run is put off, by an amount that is the same for each slot. Absent: 0s.
   */
  readonly jitter?: string;
  /**
   * `Forbid`: no new backup while one of this schedule is running. Absent: Forbid.
   */
  readonly overlap?: "Forbid" | "Allow";
  /**
   * Makes no backups of this schedule while true. Absent: false.
   */
  readonly suspend?: boolean;
}
/**
 * How the schedules stand.
 */
export interface BackupPolicyStatus {
  /**
   * The `metadata.generation` this status speaks of; -1 before the first look.
   */
  readonly observedGeneration?: number;
  /**
   * kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Velero's word for it.
   */
  readonly phase?: "New" | "Enabled" | "FailedValidation";
  /**
   * One entry per schedule.
   */
  readonly schedules?: readonly ScheduleStatus[];
  /**
   * The newest backup of any schedule.
   */
  readonly lastBackup?: string;
  /**
   * How it ended, or that it runs.
   */
  readonly lastPhase?: string;
  /**
   * The earliest next slot.
   */
  readonly nextRun?: string;
}
/**
 * How one schedule stands.
 */
export interface ScheduleStatus {
  /**
   * The schedule.
   */
  readonly name: string;
  /**
   * The newest slot that was run or given up.
   */
  readonly lastSlot?: string;
  /**
   * The backup of that slot.
   */
  readonly lastBackup?: string;
  /**
   * How it ended, or that it runs.
   */
  readonly lastPhase?: string;
  /**
   * The newest backup that completed.
   */
  readonly lastSuccessfulBackup?: string;
  /**
   * When that one completed.
   */
  readonly lastSuccessfulTime?: string;
  /**
   * The next slot; absent while suspended.
   */
  readonly nextSlot?: string;
  /**
   * Whether it was suspended when last seen.
   */
  readonly suspended?: boolean;
  /**
   * When it was last taken up again: slots before it are not made up.
   */
  readonly resumedAt?: string;
}
/**
 * Where backups are kept and how they are reached.
 */
export interface BackupStorageLocationSpec {
  /**
   * What kind of store it is.
   */
  readonly provider: "s3" | "filesystem";
  readonly s3?: S3Location;
  readonly filesystem?: FilesystemLocation;
  /**
   * `ReadOnly`: nothing under `backups/` changes. Absent: ReadWrite.
   */
  readonly accessMode?: "ReadWrite" | "ReadOnly";
  /**
   * Whether backups that name no location go here. Absent: false.
   */
  readonly default?: boolean;
  /**
   * How often the location is tried; `0s` only once. Absent: 1m.
   */
  readonly validationFrequency?: string;
  /**
   * How often backups found there appear in the cluster; `0s` never. Absent: 1m.
   */
  readonly syncPeriod?: string;
}
/**
 * A bucket that speaks S3.
 */
export interface S3Location {
  /**
   * The bucket's name, or the ARN of a multi-region access point.
   */
  readonly bucket: string;
  /**
   * Folder in the bucket. Give each cluster its own.
   */
  readonly prefix?: string;
  /**
   * The bucket's region. Absent: us-east-1, or what the environment says.
   */
  readonly region?: string;
  /**
   * Address of a store that is not AWS.
   */
  readonly endpoint?: string;
  /**
   * Whether the bucket stands in the path and not in the host name. Absent: true with an endpoint, else false.
   */
  readonly forcePathStyle?: boolean;
  readonly credentialsSecretRef?: CredentialsReference;
  /**
   * PEM certificates that the endpoint's certificate is checked against.
   */
  readonly caBundle?: string;
  /**
   * Encryption asked for on every upload.
   */
  readonly serverSideEncryption?: "AES256" | "aws:kms";
  /**
   * The key for `aws:kms`.
   */
  readonly kmsKeyId?: string;
}
/**
 * A Secret with S3 credentials: `accessKeyId` and `secretAccessKey` (and `sessionToken`), or an AWS credentials file under `key`.
 */
export interface CredentialsReference {
  /**
   * The Secret's name.
   */
  readonly name: string;
  /**
   * The key that holds an AWS credentials file, as in Velero.
   */
  readonly key?: string;
}
/**
 * A folder that every replica of Holdfast sees.
 */
export interface FilesystemLocation {
  /**
   * Absolute path.
   */
  readonly path: string;
}
/**
 * Whether the location works.
 */
export interface BackupStorageLocationStatus {
  /**
   * The `metadata.generation` this status speaks of; -1 before the first look.
   */
  readonly observedGeneration?: number;
  /**
   * kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Velero's word for it.
   */
  readonly phase?: "Available" | "Unavailable";
  /**
   * Why it is unavailable.
   */
  readonly message?: string;
  /**
   * When it was last tried with a new outcome.
   */
  readonly lastValidationTime?: string;
  /**
   * Whether the store honours `If-None-Match`; where it doesn't, no two clusters may share the prefix.
   */
  readonly conditionalWrites?: boolean;
  /**
   * Backups seen there.
   */
  readonly backups?: number;
}
/**
 * Where the repository is, what to read and where to write.
 */
export interface GitSourceSpec {
  /**
   * Address of the repository over HTTPS or HTTP, without credentials.
   */
  readonly url: string;
  readonly ref?: GitRef;
  /**
   * Folder in the repository that holds Holdfast's YAML; the root when absent.
   */
  readonly path?: string;
  /**
   * How often the branch is fetched. Absent: 1m.
   */
  readonly interval?: string;
  readonly secretRef?: SecretReference;
  /**
   * `Apply`: Holdfast applies the YAML. `Observe`: Argo CD or Flux applies it; Holdfast validates, runs and reports. Absent: Apply.
   */
  readonly mode?: "Apply" | "Observe";
  /**
   * Whether an object whose YAML is gone is deleted from the cluster. Never deletes backup data. Absent: false.
   */
  readonly prune?: boolean;
  /**
   * Stops fetching and applying. Absent: false.
   */
  readonly suspend?: boolean;
  readonly verify?: GitVerification;
  readonly signingKey?: GitSigningKey;
  /**
   * Branch the record is written to. Absent: `holdfast/<cluster>`.
   */
  readonly statusBranch?: string;
  readonly forge?: ForgeSpec;
  readonly webhook?: WebhookSpec;
}
/**
 * What to read of the repository.
 */
export interface GitRef {
  /**
   * The branch to follow. Absent: main.
   */
  readonly branch?: string;
}
/**
 * Names a Secret in the object's own namespace.
 */
export interface SecretReference {
  /**
   * The Secret's name.
   */
  readonly name: string;
}
/**
 * Who must have signed the head of the branch. Absent: nobody; whoever may push is believed.
 */
export interface GitVerification {
  readonly secretRef: SecretReference;
}
/**
 * The key that signs the commits of the record. Absent: they are not signed.
 */
export interface GitSigningKey {
  readonly secretRef: SecretReference;
}
/**
 * Answers pull requests into the branch with validation and plan. Absent: none is answered.
 */
export interface ForgeSpec {
  /**
   * What serves the repository: `github`, `gitlab`, or `gitea` (Forgejo too).
   */
  readonly type: "github" | "gitlab" | "gitea";
  /**
   * Root of the forge, or of its API on GitHub. Absent: told from `url`.
   */
  readonly apiUrl?: string;
  readonly tokenSecretRef?: SecretReference;
  /**
   * How often pull requests are looked at. Absent: the source's interval.
   */
  readonly interval?: string;
  /**
   * Whether pull requests from forks are answered. Absent: false.
   */
  readonly answerForks?: boolean;
  /**
   * Whether drafts are answered. Absent: false.
   */
  readonly answerDrafts?: boolean;
  /**
   * Whether the comment has digests in place of all values. Those of Secrets never show. Absent: false.
   */
  readonly hideValues?: boolean;
  /**
   * First part of the names of the commit statuses: tells two clusters on one repository apart. Absent: holdfast.
   */
  readonly statusPrefix?: string;
}
/**
 * Lets the forge hasten the next look; what it sends is not believed otherwise. Absent: none is taken.
 */
export interface WebhookSpec {
  /**
   * Who sends it; `generic` signs the body with HMAC in X-Signature. Absent: the forge's type, else generic.
   */
  readonly type?: "github" | "gitlab" | "gitea" | "generic";
  readonly secretRef: SecretReference;
}
/**
 * What was last seen and applied.
 */
export interface GitSourceStatus {
  /**
   * The `metadata.generation` this status speaks of; -1 before the first look.
   */
  readonly observedGeneration?: number;
  /**
   * kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.
   */
  readonly conditions?: readonly Condition[];
  /**
   * The commit that was last read, good or bad.
   */
  readonly lastAttemptedRevision?: string;
  /**
   * The commit whose documents are in the cluster.
   */
  readonly lastAppliedRevision?: string;
  readonly applied?: AppliedSource;
  /**
   * Documents of ours at that commit.
   */
  readonly documents?: number;
  /**
   * Documents of other API groups at that commit.
   */
  readonly ignored?: number;
  /**
   * The first problems of the commit that was last read.
   */
  readonly problems?: readonly SourceProblem[];
  /**
   * All problems of that commit.
   */
  readonly problemCount?: number;
}
/**
 * Where the applied commit came from: after a change nothing is pruned once.
 */
export interface AppliedSource {
  /**
   * The address.
   */
  readonly url?: string;
  /**
   * The branch.
   */
  readonly branch?: string;
  /**
   * The folder.
   */
  readonly path?: string;
}
/**
 * One problem in one file.
 */
export interface SourceProblem {
  /**
   * Path in the repository.
   */
  readonly file: string;
  /**
   * From 1.
   */
  readonly line?: number;
  /**
   * From 1.
   */
  readonly column?: number;
  /**
   * The problem's code.
   */
  readonly code: string;
  /**
   * For people.
   */
  readonly message: string;
}
/**
 * What to restore and how. Filters mean what they mean in Velero.
 */
export interface RestorePlanSpec {
  readonly source: RestoreSource;
  /**
   * Namespaces (as archived) to restore, by name or pattern. Absent or `*`: all.
   */
  readonly includedNamespaces?: readonly string[];
  /**
   * Namespaces to leave out, by name or pattern.
   */
  readonly excludedNamespaces?: readonly string[];
  /**
   * Resources to restore. Absent or `*`: all.
   */
  readonly includedResources?: readonly string[];
  /**
   * Resources to leave out.
   */
  readonly excludedResources?: readonly string[];
  /**
   * Objects to restore, by name or pattern. Absent or `*`: all.
   */
  readonly includedNames?: readonly string[];
  /**
   * Objects to leave out, by name or pattern.
   */
  readonly excludedNames?: readonly string[];
  readonly resourcePolicy?: ConfigMapReference;
  /**
   * true: cluster-scoped objects too; false: none; absent: those that the selected objects need, or all where no namespace is selected.
   */
  readonly includeClusterResources?: boolean;
  readonly labelSelector?: LabelSelector;
  /**
   * Objects that any of these select.
   */
  readonly orLabelSelectors?: readonly LabelSelector[];
  /**
   * Archived namespace → namespace to restore into. No patterns.
   */
  readonly namespaceMapping?: {
    readonly [k: string]: string;
  };
  /**
   * Archived storage class → storage class to restore with.
   */
  readonly storageClassMapping?: {
    readonly [k: string]: string;
  };
  /**
   * What becomes of objects that exist: `none` leaves them, `update` patches what differs, `recreate` deletes and creates, `fail` refuses. Absent: none.
   */
  readonly existingResourcePolicy?: "none" | "update" | "recreate" | "fail";
  /**
   * Resource → the policy for its objects.
   */
  readonly existingResourceOverrides?: {
    /**
     * The policy.
     */
    readonly [k: string]: "none" | "update" | "recreate" | "fail";
  };
  /**
   * Changes to objects before they are written, in order; as in Velero's resource modifiers.
   */
  readonly modifiers?: readonly ResourceModifierRule[];
  readonly resourceModifier?: ConfigMapReference;
  readonly hooks?: RestoreHooks;
  /**
   * Whether Services keep their node ports. Absent: only those that were asked for.
   */
  readonly preserveNodePorts?: boolean;
  readonly restoreStatus?: RestoreStatusSpec;
  readonly approval?: Approval;
  readonly safetyBackup?: SafetyBackup;
  /**
   * What becomes of the Argo CD Applications and Flux Kustomizations and HelmReleases that own what the restore writes: `Pause` holds them still until it has ended, `Refuse` restores nothing, `Ignore` lets them undo it. Absent: Pause.
   */
  readonly gitOpsOwners?: "Pause" | "Refuse" | "Ignore";
  /**
   * Change it to run the same plan again.
   */
  readonly runId?: string;
}
/**
 * Exactly one of a backup, a policy, or a restore to undo.
 */
export interface RestoreSource {
  /**
   * The Backup.
   */
  readonly backupName?: string;
  readonly policy?: PolicySource;
  /**
   * The run to undo.
   */
  readonly undoOf?: string;
  /**
   * Undo objects too that were changed since the restore; by default they are left as they are and reported. Only with undoOf.
   */
  readonly force?: boolean;
  /**
   * Only delete what the restore created, and leave all else as it is: no safety backup is needed for that. Only with undoOf.
   */
  readonly createdOnly?: boolean;
}
/**
 * The newest completed backup of a policy.
 */
export interface PolicySource {
  /**
   * The BackupPolicy.
   */
  readonly name: string;
  /**
   * One of its schedules, or `manual`. Absent: any.
   */
  readonly schedule?: string;
  /**
   * The newest one that began at or before this time; `AtMerge`: when the plan was merged.
   */
  readonly asOf?: string;
  /**
   * Whether a PartiallyFailed backup will do. Absent: false.
   */
  readonly allowPartiallyFailed?: boolean;
}
/**
 * Which objects to change, and one kind of change.
 */
export interface ResourceModifierRule {
  readonly conditions: ModifierConditions;
  /**
   * JSON Patch (RFC 6902).
   */
  readonly patches?: readonly ModifierPatch[];
  /**
   * JSON Merge Patches (RFC 7386).
   */
  readonly mergePatches?: readonly ModifierPatchText[];
  /**
   * Strategic merge patches, for built-in kinds.
   */
  readonly strategicPatches?: readonly ModifierPatchText[];
}
/**
 * Conditions that must all hold, on the object as archived.
 */
export interface ModifierConditions {
  /**
   * `deployments.apps`, or a pattern with `.` as separator.
   */
  readonly groupResource: string;
  /**
   * Archived namespaces. Absent: all.
   */
  readonly namespaces?: readonly string[];
  /**
   * RE2 expression searched for in the name.
   */
  readonly resourceNameRegex?: string;
  readonly labelSelector?: LabelSelector;
  /**
   * Values that must stand at these paths.
   */
  readonly matches?: readonly ModifierMatch[];
}
/**
 * A value at a path.
 */
export interface ModifierMatch {
  /**
   * JSON pointer.
   */
  readonly path: string;
  /**
   * The value, as Velero's patch values are written.
   */
  readonly value?: string;
}
/**
 * One operation.
 */
export interface ModifierPatch {
  /**
   * What to do.
   */
  readonly operation: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /**
   * JSON pointer.
   */
  readonly path: string;
  /**
   * JSON pointer, for move and copy.
   */
  readonly from?: string;
  /**
   * Numbers, booleans, null, objects and arrays as JSON text; everything else is a string.
   */
  readonly value?: string;
}
/**
 * A patch as YAML or JSON text.
 */
export interface ModifierPatchText {
  /**
   * The patch.
   */
  readonly patchData: string;
}
/**
 * Commands and init containers for restored pods.
 */
export interface RestoreHooks {
  /**
   * Hooks with the pods they are for.
   */
  readonly resources?: readonly RestoreResourceHookSpec[];
}
/**
 * Hooks for the pods that the filters select.
 */
export interface RestoreResourceHookSpec {
  /**
   * What logs and results call the hook.
   */
  readonly name: string;
  /**
   * Namespaces of the pods. Absent: all.
   */
  readonly includedNamespaces?: readonly string[];
  /**
   * Namespaces to leave out.
   */
  readonly excludedNamespaces?: readonly string[];
  /**
   * Only `pods` is supported.
   */
  readonly includedResources?: readonly string[];
  /**
   * Resources to leave out.
   */
  readonly excludedResources?: readonly string[];
  readonly labelSelector?: LabelSelector;
  /**
   * In order.
   */
  readonly postHooks?: readonly RestoreResourceHook[];
}
/**
 * Either an init container or a command.
 */
export interface RestoreResourceHook {
  readonly init?: InitRestoreHook;
  readonly exec?: ExecRestoreHook;
}
/**
 * Init containers put in front of the pod's own.
 */
export interface InitRestoreHook {
  /**
   * Containers, as in a pod's spec.
   */
  readonly initContainers: readonly InitContainer[];
  /**
   * Accepted for Velero's sake; it has no effect there either.
   */
  readonly timeout?: string;
}
/**
 * A container, as in a pod's spec.
 */
export interface InitContainer {
  /**
   * The container's name.
   */
  readonly name: string;
  /**
   * The image.
   */
  readonly image: string;
  /**
   * The command.
   */
  readonly command: readonly string[];
}
/**
 * A command in a container, once it runs.
 */
export interface ExecRestoreHook {
  /**
   * The container. Absent: the pod's first.
   */
  readonly container?: string;
  /**
   * The command and its arguments; no shell.
   */
  readonly command: readonly string[];
  /**
   * `Fail`: the pod's other hooks are dropped. Absent: Continue.
   */
  readonly onError?: "Fail" | "Continue";
  /**
   * How long the command may take. Absent: 30s.
   */
  readonly execTimeout?: string;
  /**
   * How long to wait for the container. Absent: no limit of its own.
   */
  readonly waitTimeout?: string;
  /**
   * Whether the container must be ready and not just running. Absent: false.
   */
  readonly waitForReady?: boolean;
}
/**
 * Resources whose archived status is written too.
 */
export interface RestoreStatusSpec {
  /**
   * Resources. Absent or `*`: all.
   */
  readonly includedResources?: readonly string[];
  /**
   * Resources to leave out.
   */
  readonly excludedResources?: readonly string[];
}
/**
 * What must be so before the plan runs.
 */
export interface Approval {
  /**
   * `Merge`: being on the branch. `PlanDigest`: the digest of the plan that was looked at. Absent: Merge.
   */
  readonly mode?: "Merge" | "PlanDigest";
  /**
   * The approved plan's digest.
   */
  readonly planDigest?: string;
  /**
   * Ledgers that may be unreadable when the run is claimed.
   *
   * Items: A ledger.
   */
  readonly acceptUnreadable?: readonly ("Bucket" | "Git")[];
}
/**
 * The backup of what will be touched, made first.
 */
export interface SafetyBackup {
  /**
   * Absent: On.
   */
  readonly mode?: "On" | "Off";
  /**
   * Where it goes. Absent: the default location.
   */
  readonly storageLocation?: string;
}
/**
 * What became of the restore. Fields mean what they mean in Velero.
 */
export interface RestorePlanStatus {
  /**
   * The `metadata.generation` this status speaks of; -1 before the first look.
   */
  readonly observedGeneration?: number;
  /**
   * kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Velero's word for where the restore is.
   */
  phase?:
    | "New"
    | "FailedValidation"
    | "InProgress"
    | "WaitingForPluginOperations"
    | "WaitingForPluginOperationsPartiallyFailed"
    | "Finalizing"
    | "FinalizingPartiallyFailed"
    | "Completed"
    | "PartiallyFailed"
    | "Failed";
  readonly run?: RunClaim;
  readonly backup?: ResolvedBackup;
  /**
   * Digest of the plan that was last made.
   */
  readonly planDigest?: string;
  readonly planTotals?: ActionTotals;
  readonly outcome?: OutcomeTotals;
  readonly progress?: RestoreProgress;
  /**
   * Warnings in the results.
   */
  readonly warnings?: number;
  /**
   * Errors in the results.
   */
  readonly errors?: number;
  /**
   * Why the restore as a whole failed.
   */
  readonly failureReason?: string;
  /**
   * Why the spec was refused.
   */
  readonly validationErrors?: readonly string[];
  /**
   * When it began.
   */
  readonly startTimestamp?: string;
  /**
   * When it ended.
   */
  readonly completionTimestamp?: string;
  readonly hookStatus?: HookStatus;
  /**
   * The backup of what was touched.
   */
  readonly safetyBackup?: string;
  /**
   * GitOps owners that the run paused, and resumed when it ended; each as `Application argocd/shop`.
   */
  readonly pausedOwners?: readonly string[];
}
/**
 * The backup that was chosen, once.
 */
export interface ResolvedBackup {
  /**
   * Its name.
   */
  readonly name: string;
  /**
   * Namespace of its location.
   */
  readonly namespace?: string;
  /**
   * Its location.
   */
  readonly storageLocation?: string;
  /**
   * Digest of its manifest, or of the marker of a Velero backup.
   */
  readonly manifestSha256?: string;
  /**
   * The BackupPolicy that asked for it.
   */
  readonly policy?: string;
  /**
   * Its schedule; `manual` on demand.
   */
  readonly schedule?: string;
}
/**
 * Objects per planned action.
 */
export interface ActionTotals {
  /**
   * Objects.
   */
  readonly create?: number;
  /**
   * Objects.
   */
  readonly patch?: number;
  /**
   * Objects.
   */
  readonly labelsOnly?: number;
  /**
   * Objects.
   */
  readonly recreate?: number;
  /**
   * Objects.
   */
  readonly delete?: number;
  /**
   * Objects.
   */
  readonly unchanged?: number;
  /**
   * Objects.
   */
  readonly skip?: number;
  /**
   * Objects.
   */
  readonly fail?: number;
}
/**
 * Objects per outcome.
 */
export interface OutcomeTotals {
  /**
   * Objects.
   */
  readonly created?: number;
  /**
   * Objects.
   */
  readonly patched?: number;
  /**
   * Objects.
   */
  readonly labelled?: number;
  /**
   * Objects.
   */
  readonly unchanged?: number;
  /**
   * Objects.
   */
  readonly recreated?: number;
  /**
   * Objects.
   */
  readonly deleted?: number;
  /**
   * Objects.
   */
  readonly skipped?: number;
  /**
   * Objects.
   */
  readonly failed?: number;
}
/**
 * How far it is.
 */
export interface RestoreProgress {
  /**
   * Objects to restore, as far as known.
   */
  readonly totalItems?: number;
  /**
   * Objects done.
   */
  readonly itemsRestored?: number;
}

/** One backup: what to put into it, and what became of it. Deleting a Backup never deletes its data. */
export type Backup = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "Backup";
  readonly metadata: ObjectMeta;
  readonly spec: BackupSpec;
  readonly status?: BackupStatus;
};

/** What is backed up, when, and for how long it is kept. */
export type BackupPolicy = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "BackupPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: BackupPolicySpec;
  readonly status?: BackupPolicyStatus;
};

/** A place that holds backups: a bucket or a folder. */
export type BackupStorageLocation = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "BackupStorageLocation";
  readonly metadata: ObjectMeta;
  readonly spec: BackupStorageLocationSpec;
  readonly status?: BackupStorageLocationStatus;
};

/** A Git repository that declares what Holdfast does, and where the record of it is written. */
export type GitSource = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "GitSource";
  readonly metadata: ObjectMeta;
  readonly spec: GitSourceSpec;
  readonly status?: GitSourceStatus;
};

/** A restore: from which backup, what, where to, and what to do with what is there. It runs once per spec and `runId`. */
export type RestorePlan = {
  readonly apiVersion: "holdfast.dev/v1alpha1";
  readonly kind: "RestorePlan";
  readonly metadata: ObjectMeta;
  readonly spec: RestorePlanSpec;
  readonly status?: RestorePlanStatus;
};

/** Every kind by name. */
export interface Kinds {
  readonly Backup: Backup;
  readonly BackupPolicy: BackupPolicy;
  readonly BackupStorageLocation: BackupStorageLocation;
  readonly GitSource: GitSource;
  readonly RestorePlan: RestorePlan;
}
